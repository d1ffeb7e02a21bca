#pragma once

// The key at the top: 32 random bytes in a file of the data directory, from which one key a purpose is
// derived. What is wrapped names the id of the root key that wraps it, so that it can be replaced
// (design-storage 2.11): the first one's file is root-key, a later one's root-key-<id>.
//
// A RootKey is immutable once loaded; safe from any thread. Errors: kConfiguration where a person must mend
// something, with what.

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/crypto.h"
#include "base/result.h"
#include "base/sealing_keys.h"
#include "blobs/file_layer.h"

namespace entrepot::keys {

/// Whether a root key may be made now: only while nothing is wrapped under one.
enum class RootKeyPolicy { kMayCreate, kMustExist };

class RootKey {
 public:
  /// The purposes. Each derives a key of its own; the labels are part of the stored format.
  enum class Purpose { kServiceKeys, kAccessKeySecrets, kTokenKeys };

  /// Reads `directory`/root-key, which must be a plain file of mode 0600. Under kMayCreate makes the
  /// directory and the key when they are absent (or a crash left the file unfinished): file and directories
  /// are synced, and the key is read back, before this returns. kMustExist is for a store that holds rows
  /// wrapped under a root key.
  static Result<RootKey> Load(blobs::Files& files, const std::string& directory, RootKeyPolicy policy);
  /// The keys of these ids, whichever files they are in; kConfiguration names one that is missing.
  static Result<std::vector<RootKey>> LoadNamed(blobs::Files& files, const std::string& directory,
                                                const std::set<std::string>& ids);
  /// A new key in a file of its own, durable and read back.
  static Result<RootKey> Add(blobs::Files& files, const std::string& directory);
  /// Removes the files of all keys but this one, for good.
  static Result<> RemoveOthers(blobs::Files& files, const std::string& directory, const RootKey& kept);

  /// A short hash of the key: what rows carry.
  const std::string& id() const { return id_; }
  SecretKey Derive(Purpose purpose) const;
  SealingKeys::Key SealingKey(Purpose purpose) const { return {id_, Derive(purpose)}; }

 private:
  explicit RootKey(SecretKey key);
  SecretKey key_;
  std::string id_;
};

/// What everything that is sealed under a root key is sealed with, by purpose. Handles, as SealingKeys are.
struct RootSeals {
  SealingKeys service_keys, access_keys, token_keys;

  explicit RootSeals(const RootKey& root_key);
  void Add(const RootKey& root_key);
  void Use(std::string_view id);
  /// All keys but this one, which is the current one.
  void DropOthers(std::string_view id);
};

}  // namespace entrepot::keys
