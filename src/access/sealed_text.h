#pragma once

// Bytes that only this installation can read back: sealed under a token key, which they name, for one
// purpose. Keys of different purposes are unrelated (HKDF labels, design-access 1). Pure.
//
//     version (1 byte) ‖ id of the token key (8) ‖ nonce ‖ ciphertext ‖ tag

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/crypto.h"

namespace entrepot::access {

/// What a token key has been derived into, so that each is derived once. Purposes are few and known to the
/// program. Safe from any thread.
class PurposeKeys {
 public:
  SecretKey Get(const SecretKey& secret, std::string_view purpose);

 private:
  std::mutex mutex_;
  std::map<std::string, SecretKey, std::less<>> keys_;
};

struct TokenKey {
  std::int64_t id = 0;
  SecretKey secret;
  Timestamp created_at;
  std::shared_ptr<PurposeKeys> purposes = std::make_shared<PurposeKeys>();  // the same in every copy
};

ByteVector SealUnder(const TokenKey& key, std::string_view purpose, std::string_view plain);

/// The key that `sealed` claims to be sealed under.
std::optional<std::int64_t> SealingKeyId(Bytes sealed);

/// Nothing unless it was sealed under this key for this purpose.
std::optional<ByteVector> OpenUnder(const TokenKey& key, std::string_view purpose, Bytes sealed);

}  // namespace entrepot::access
