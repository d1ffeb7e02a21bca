#pragma once

// Creating, finding and deleting repositories. Safe from any thread; calls block on the store except the Try
// forms.

#include <optional>
#include <string>
#include <vector>

#include "base/page.h"
#include "keys/key_ring.h"
#include "metadata/store.h"
#include "registry/caches.h"
#include "registry/quotas.h"
#include "registry/repository.h"

namespace entrepot::registry {

struct NewRepository {
  RepositoryName name;
  EncryptionMode encryption = EncryptionMode::kAes256;
  TagMutability tag_mutability = TagMutability::kMutable;
  std::vector<std::string> tag_exclusions;
  bool scan_on_push = false;
  std::vector<ResourceTag> tags;
  std::optional<std::string> policy;  // canonical
};

class Repositories {
 public:
  Repositories(metadata::Store& store, keys::KeyRing& keys, Caches& caches, const Quotas& quotas = {})
      : store_(store), keys_(keys), caches_(caches), quotas_(quotas) {}

  /// kRepositoryAlreadyExists; kTooManyTags; kKeyFailure for KMS modes, as long as no keys exist;
  /// kLimitExceeded.
  Result<RepositoryPtr> Create(const RegistryName& registry, const NewRepository& repository);
  /// The same in a write of the caller's.
  Result<RepositoryPtr> Create(metadata::WriteTransaction& transaction, const RegistryName& registry,
                               const NewRepository& repository);
  /// kRepositoryNotFound.
  Result<RepositoryPtr> Find(const RegistryName& registry, const RepositoryName& name);
  /// From memory, or nullptr when it is not known there. For event loops.
  RepositoryPtr TryFind(const RegistryName& registry, std::string_view name);
  /// By name, ascending. `request.after` is the last name of the page before.
  Result<Page<RepositoryPtr>> List(const RegistryName& registry, const PageRequest& request);
  /// kRepositoryNotEmpty when it holds an image and `force` is not set. Its name is free at once; its rows
  /// and files go behind it in slices (collection.h).
  Result<RepositoryPtr> Delete(const RegistryName& registry, const RepositoryName& name, bool force);

  /// For pushes from now on. This and the next three: kRepositoryNotFound once it was deleted.
  Result<> SetTagMutability(const Repository& repository, TagMutability mode,
                            const std::vector<std::string>& exclusions);
  Result<> SetScanOnPush(const Repository& repository, bool scan_on_push);

  /// Adds tags, and replaces the values of keys that are there. kTooManyTags.
  Result<> AddResourceTags(const Repository& repository, const std::vector<ResourceTag>& tags);
  /// Keys that are not there are no error.
  Result<> RemoveResourceTags(const Repository& repository, const std::vector<std::string>& keys);
  /// By key, ascending.
  Result<std::vector<ResourceTag>> ResourceTags(const Repository& repository);

 private:
  Result<> CheckRepositoryQuota(metadata::WriteTransaction& transaction, const RegistryName& registry,
                                std::int64_t registry_id);

  metadata::Store& store_;
  keys::KeyRing& keys_;
  Caches& caches_;
  const Quotas quotas_;
};

}  // namespace entrepot::registry
