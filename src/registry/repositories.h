#pragma once

// Creating, finding and deleting repositories. Safe from any thread; calls block on the store except the Try
// forms.

#include <string>
#include <vector>

#include "base/page.h"
#include "keys/key_ring.h"
#include "metadata/store.h"
#include "registry/caches.h"
#include "registry/repository.h"

namespace entrepot::registry {

struct NewRepository {
  RepositoryName name;
  EncryptionMode encryption = EncryptionMode::kAes256;
  TagMutability tag_mutability = TagMutability::kMutable;
  std::vector<std::string> tag_exclusions;
  bool scan_on_push = false;
  std::vector<ResourceTag> tags;
};

class Repositories {
 public:
  Repositories(metadata::Store& store, keys::KeyRing& keys, Caches& caches)
      : store_(store), keys_(keys), caches_(caches) {}

  /// kRepositoryAlreadyExists; kKeyFailure for KMS modes, as long as no keys exist.
  Result<RepositoryPtr> Create(const RegistryName& registry, NewRepository repository);
  /// kRepositoryNotFound.
  Result<RepositoryPtr> Find(const RegistryName& registry, const RepositoryName& name);
  /// From memory, or nullptr when it is not known there. For event loops.
  RepositoryPtr TryFind(const RegistryName& registry, std::string_view name);
  /// By name, ascending. `request.after` is the last name of the page before.
  Result<Page<RepositoryPtr>> List(const RegistryName& registry, const PageRequest& request);
  /// kRepositoryNotEmpty when it holds an image and `force` is not set. Its name is free at once; its rows
  /// and files go behind it in slices (collection.h).
  Result<RepositoryPtr> Delete(const RegistryName& registry, const RepositoryName& name, bool force);

  /// By key, ascending.
  Result<std::vector<ResourceTag>> ResourceTags(const Repository& repository);

 private:
  metadata::Store& store_;
  keys::KeyRing& keys_;
  Caches& caches_;
};

}  // namespace entrepot::registry
