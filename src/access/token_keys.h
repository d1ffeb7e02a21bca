#pragma once

// The keys that tokens are sealed with: rows of the store, kept in memory, replaced once a day (design-access
// 1).
//
// Safe from any thread.

#include <chrono>
#include <memory>
#include <mutex>
#include <vector>

#include "access/sealed_text.h"
#include "base/sealing_keys.h"
#include "metadata/store.h"
#include "metadata/versioned_cache.h"

namespace entrepot::access {

/// The form in which a token key is stored, and back.
ByteVector SealTokenKey(const SealingKeys& sealing_keys, std::int64_t id, const SecretKey& secret);
Result<SecretKey> OpenTokenKey(const SealingKeys& sealing_keys, std::int64_t id, Bytes sealed);

class TokenKeys {
 public:
  /// A new key is used only once every node can have heard of it.
  static constexpr std::chrono::seconds kPublishedBefore{5};
  static constexpr std::chrono::hours kReplacedAfter{24};
  /// How long a replaced key opens what it sealed: a day past the longest token (12 h).
  static constexpr std::chrono::hours kKept{36};
  /// How often a key that nobody knows makes us ask the store.
  static constexpr std::chrono::seconds kAskAgainAfter{1};

  /// Reads the keys; makes the first one in a new store. `sealing_keys` seal their rows. The store outlives
  /// this.
  static Result<std::unique_ptr<TokenKeys>> Open(metadata::Store& store, SealingKeys sealing_keys);

  /// The key to seal with now. From memory.
  TokenKey Current() const;
  /// The key of that id. Reads the store when the keys have changed or the id is new; kRegistryTokenInvalid
  /// when it names no key.
  Result<TokenKey> Find(std::int64_t id);
  /// From memory, or nothing. Never waits.
  std::optional<TokenKey> TryFind(std::int64_t id) const;
  /// Publishes a new key when the newest is a day old, and drops those that nothing in use can name. May
  /// write.
  Result<> Maintain();

 private:
  TokenKeys(metadata::Store& store, SealingKeys sealing_keys)
      : store_(store), sealing_keys_(std::move(sealing_keys)) {}

  Result<> Reload();
  Result<> Renew();
  /// With mutex_ held.
  const TokenKey* FindInMemory(std::int64_t id) const;
  bool MayAsk();

  metadata::Store& store_;
  const SealingKeys sealing_keys_;
  mutable std::mutex mutex_;
  std::vector<TokenKey> keys_;  // oldest first
  metadata::Seen seen_;
  std::chrono::microseconds asked_{-kAskAgainAfter};  // Clock::Elapsed
};

}  // namespace entrepot::access
