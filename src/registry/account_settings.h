#pragma once

// What is set for a registry as a whole: names and values are ECR's (ecr-semantics 4.10). Safe from any
// thread; calls may block on the store.

#include <string>
#include <string_view>

#include "base/names.h"
#include "metadata/store.h"
#include "metadata/versioned_cache.h"

namespace entrepot::registry {

class AccountSettings {
 public:
  /// `mounting` says what BLOB_MOUNTING is while nobody has set it (design-access 6).
  AccountSettings(metadata::Store& store, bool mounting)
      : store_(store), mounting_(mounting), may_mount_(1 << 16) {}

  /// What was set, or what holds without. kInvalidParameter about `name` for one that there is not.
  Result<std::string> Get(const RegistryName& registry, std::string_view name);
  /// kInvalidParameter, also about a `value` that the setting does not take.
  Result<> Put(const RegistryName& registry, std::string_view name, std::string_view value);

  /// BLOB_MOUNTING: whether a layer of one repository may become another's without being sent again.
  Result<bool> MayMount(const RegistryName& registry);

 private:
  metadata::Store& store_;
  const bool mounting_;
  metadata::VersionedCache<bool> may_mount_;
};

}  // namespace entrepot::registry
