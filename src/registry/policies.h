#pragma once

// The policies of repositories and registries as texts: who may set them and what they mean is for access/,
// which sees a change with the very next decision. Safe from any thread; calls block on the store.

#include <string>

#include "metadata/store.h"
#include "registry/repository.h"

namespace entrepot::registry {

class Policies {
 public:
  explicit Policies(metadata::Store& store) : store_(store) {}

  /// Makes or replaces it. kRepositoryNotFound once the repository was deleted.
  Result<> Put(const Repository& repository, const std::string& text);
  /// kRepositoryPolicyNotFound.
  Result<std::string> Get(const Repository& repository);
  /// What it was. kRepositoryPolicyNotFound.
  Result<std::string> Delete(const Repository& repository);

  Result<> Put(const RegistryName& registry, const std::string& text);
  /// kRegistryPolicyNotFound, as for Delete.
  Result<std::string> Get(const RegistryName& registry);
  Result<std::string> Delete(const RegistryName& registry);

 private:
  metadata::Store& store_;
};

}  // namespace entrepot::registry
