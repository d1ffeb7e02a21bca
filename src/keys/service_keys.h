#pragma once

// The service key of a registry: what AES256 repositories' keys are wrapped under, as ECR's own key is on
// AWS. Made on demand, wrapped under the root key (design-storage 2.1). Safe from any thread.

#include "base/crypto.h"
#include "keys/key_source.h"
#include "keys/root_key.h"

namespace entrepot::keys {

class ServiceKeys final : public KeySource {
 public:
  explicit ServiceKeys(const RootKey& root_key);

  Result<WrappedKey> Wrap(metadata::WriteTransaction& transaction, const RepositoryRef& repository,
                          std::int64_t key_id, const SecretKey& key) override;
  Result<SecretKey> Unwrap(metadata::sql::Session& session, const RepositoryRef& repository,
                           std::int64_t key_id, const WrappedKey& wrapped) override;

 private:
  struct ServiceKey {
    std::int64_t id;
    SecretKey key;
  };
  Result<ServiceKey> Newest(metadata::WriteTransaction& transaction, std::int64_t registry);
  Result<ServiceKey> Make(metadata::WriteTransaction& transaction, std::int64_t registry);
  Result<SecretKey> Find(metadata::sql::Session& session, std::int64_t registry, std::int64_t id);
  Result<SecretKey> Open(std::int64_t registry, std::int64_t id, std::string_view root_key,
                         Bytes wrapped) const;

  const std::string root_key_id_;
  const SecretKey wrapping_key_;
};

}  // namespace entrepot::keys
