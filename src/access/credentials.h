#pragma once

// Access keys: whose they are, and their secrets, which are sealed in the store and clear only in this cache.
//
// Safe from any thread.

#include <memory>
#include <string>
#include <string_view>

#include "access/access.h"
#include "base/crypto.h"
#include "base/sealing_keys.h"
#include "metadata/store.h"
#include "metadata/versioned_cache.h"
#include "sigv4/signing_key.h"

namespace entrepot::access {

/// An active key of a user that exists.
class Credential {
 public:
  /// `seen` was recorded before the rows were read.
  Credential(CallerPtr caller, std::string secret, const metadata::Seen& seen)
      : caller_(std::move(caller)), secret_(std::move(secret)), seen_(seen) {}
  Credential(const Credential&) = delete;
  ~Credential() { Wipe({reinterpret_cast<std::uint8_t*>(secret_.data()), secret_.size()}); }

  const CallerPtr& caller() const { return caller_; }
  std::string_view secret() const { return secret_; }
  const metadata::Seen& seen() const { return seen_; }

 private:
  CallerPtr caller_;
  std::string secret_;
  metadata::Seen seen_;
};
using CredentialPtr = std::shared_ptr<const Credential>;

/// The form in which a secret access key is stored, and back.
ByteVector SealSecret(const SealingKeys& sealing_keys, std::string_view access_key_id,
                      std::string_view secret);
Result<std::string> OpenSecret(const SealingKeys& sealing_keys, std::string_view access_key_id, Bytes sealed);

class Credentials {
 public:
  Credentials(metadata::Store& store, SealingKeys sealing_keys, std::size_t cache_bytes);

  /// kUnknownAccessKey when there is no such key, or it is inactive. Reads the store unless it is cached; a
  /// change is seen by the next call.
  Result<CredentialPtr> Find(std::string_view access_key_id);
  /// The key that signatures of that scope are made with.
  std::shared_ptr<const SecretKey> SigningKey(const Credential& credential, const sigv4::Scope& scope);

 private:
  Result<CredentialPtr> Load(std::string_view access_key_id);

  metadata::Store& store_;
  const SealingKeys sealing_keys_;
  metadata::VersionedCache<Credential> credentials_;
  metadata::VersionedCache<SecretKey> signing_keys_;
};

}  // namespace entrepot::access
