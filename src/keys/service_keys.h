#pragma once

// The service key of a registry: what AES256 repositories' keys are wrapped under, as ECR's own key is on
// AWS. Made on demand, wrapped under the root key (design-storage 2.1). Safe from any thread.

#include <vector>

#include "base/crypto.h"
#include "base/sealing_keys.h"
#include "keys/key_source.h"

namespace entrepot::keys {

class ServiceKeys final : public KeySource {
 public:
  explicit ServiceKeys(SealingKeys root_keys) : root_keys_(std::move(root_keys)) {}

  Result<WrappedKey> Wrap(metadata::WriteTransaction& transaction, const RepositoryRef& repository,
                          std::int64_t key_id, const SecretKey& key) override;
  Result<SecretKey> Unwrap(metadata::sql::Session& session, const RepositoryRef& repository,
                           std::int64_t key_id, const WrappedKey& wrapped) override;

  /// Wraps anew, under the current root key, every service key that another one wraps; says how many.
  Result<std::int64_t> WrapAnew(metadata::WriteTransaction& transaction);
  /// An error unless every service key is wrapped under the current root key and can be unwrapped.
  Result<> CheckAll(metadata::sql::Session& session) const;

 private:
  struct ServiceKey {
    std::int64_t id;
    SecretKey key;
  };
  struct Row {
    std::int64_t registry, id;
    std::string root_key;
    ByteVector wrapped;
  };
  static Result<std::vector<Row>> List(metadata::sql::Session& session);
  Result<ServiceKey> Newest(metadata::WriteTransaction& transaction, std::int64_t registry);
  Result<ServiceKey> Make(metadata::WriteTransaction& transaction, std::int64_t registry);
  Result<SecretKey> Find(metadata::sql::Session& session, std::int64_t registry, std::int64_t id);
  Result<SecretKey> Open(std::int64_t registry, std::int64_t id, std::string_view root_key,
                         Bytes wrapped) const;
  ByteVector Seal(std::int64_t registry, const ServiceKey& service_key, const SealingKeys::Key& root) const;

  SealingKeys root_keys_;
};

}  // namespace entrepot::keys
