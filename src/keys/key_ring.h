#pragma once

// Repository keys: made on demand, unwrapped through their key source, and kept at most five minutes in
// locked memory under the key-state version (design-storage 2.1, 2.7).
//
// Inside a transaction use Current and Load: they read rows through the given session and never fill the
// cache, because what a transaction sees may still be rolled back. Outside use Get. Safe from any thread.
//
// Errors: kKeyFailure (facts: kms_error, detail) for everything that concerns keys, a missing key row
// included.

#include <chrono>
#include <cstdint>
#include <memory>

#include "base/clock.h"
#include "base/result.h"
#include "keys/key_source.h"
#include "keys/key_state.h"
#include "keys/repository_key.h"
#include "keys/root_key.h"
#include "metadata/store.h"

namespace entrepot::keys {

/// storage.encryption: whether new files are encrypted by us. Repository keys exist and seal in both.
enum class FileEncryption { kServiceKey, kDisk };

class KeyRing {
 public:
  static constexpr std::chrono::minutes kCacheTime{5};

  /// `store` outlives the ring.
  KeyRing(SealingKeys root_keys, metadata::Store& store, FileEncryption encryption);
  /// The same with a root key that is never replaced.
  KeyRing(const RootKey& root_key, metadata::Store& store, FileEncryption encryption)
      : KeyRing(SealingKeys(root_key.SealingKey(RootKey::Purpose::kServiceKeys)), store, encryption) {}
  ~KeyRing();

  /// The key that new wraps of a repository are made under: its newest, made now (with the registry's service
  /// key) when there is none.
  Result<RepositoryKey> Current(metadata::WriteTransaction& transaction, const RepositoryRef& repository);
  /// A given key of a repository, in any transaction.
  Result<RepositoryKey> Load(metadata::sql::Session& session, const RepositoryRef& repository,
                             std::int64_t key_id);
  /// A given key of a repository, outside of transactions: from the cache, else by a read of the store.
  Result<RepositoryKey> Get(const RepositoryRef& repository, std::int64_t key_id);

  /// A data key for a new file; none when files are left to the disk's encryption.
  DataKey NewDataKey() const;

  /// Raised before any change of a key's state is answered.
  KeyState& state() { return state_; }

 private:
  struct Cache;
  struct Row;

  /// A key row as a RepositoryKey; `stamp` was taken before the row was read.
  Result<RepositoryKey> Open(metadata::sql::Session& session, const RepositoryRef& repository, const Row& row,
                             KeyStateStamp stamp);
  Result<RepositoryKey> Make(metadata::WriteTransaction& transaction, const RepositoryRef& repository,
                             KeyStateStamp stamp);

  metadata::Store& store_;
  const FileEncryption encryption_;
  KeyState state_;
  std::unique_ptr<KeySource> service_keys_;
  std::unique_ptr<Cache> cache_;
};

/// The ids of the root keys that anything in the store is wrapped under: one, or none in a new store.
Result<std::set<std::string>> RootKeysInUse(metadata::Store& store);

}  // namespace entrepot::keys
