#pragma once

// Principals whose pulls leave an image's last pulled time alone (ecr-semantics 4.11): scanners and the like.
// A role stands for all of its sessions. Safe from any thread; calls block on the store.

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/names.h"
#include "base/page.h"
#include "metadata/store.h"
#include "metadata/versioned_cache.h"
#include "registry/quotas.h"
#include "registry/repository.h"

namespace entrepot::registry {

class PullTimeExclusions {
 public:
  PullTimeExclusions(metadata::Store& store, const Quotas& quotas)
      : store_(store), quotas_(quotas), known_(1 << 20) {}

  /// When it was registered. kExclusionAlreadyExists; kLimitExceeded.
  Result<Timestamp> Register(const RegistryName& registry, const std::string& principal_arn);
  /// kExclusionNotFound.
  Result<> Deregister(const RegistryName& registry, const std::string& principal_arn);
  /// ARNs, ascending. `request.after` is the last one of the page before.
  Result<Page<std::string>> List(const RegistryName& registry, const PageRequest& request);

  /// Whether pulls by that principal, or by sessions of that role, leave the repository's images alone.
  Result<bool> Excludes(const Repository& repository, std::string_view principal_arn);
  /// The same from memory, or nothing when it is not known there. For event loops.
  std::optional<bool> TryExcludes(const Repository& repository, std::string_view principal_arn);

 private:
  using Principals = std::set<std::string, std::less<>>;  // of a registry

  metadata::Store& store_;
  const Quotas quotas_;
  metadata::VersionedCache<Principals> known_;
};

}  // namespace entrepot::registry
