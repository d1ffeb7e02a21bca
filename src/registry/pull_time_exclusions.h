#pragma once

// Principals whose pulls leave an image's last pulled time alone (ecr-semantics 4.11): scanners and the like.
// A role stands for all of its sessions. Safe from any thread; calls block on the store.

#include <string>

#include "base/clock.h"
#include "base/names.h"
#include "base/page.h"
#include "metadata/store.h"
#include "registry/quotas.h"

namespace entrepot::registry {

class PullTimeExclusions {
 public:
  PullTimeExclusions(metadata::Store& store, const Quotas& quotas) : store_(store), quotas_(quotas) {}

  /// When it was registered. kExclusionAlreadyExists; kLimitExceeded.
  Result<Timestamp> Register(const RegistryName& registry, const std::string& principal_arn);
  /// kExclusionNotFound.
  Result<> Deregister(const RegistryName& registry, const std::string& principal_arn);
  /// ARNs, ascending. `request.after` is the last one of the page before.
  Result<Page<std::string>> List(const RegistryName& registry, const PageRequest& request);

 private:
  metadata::Store& store_;
  const Quotas quotas_;
};

}  // namespace entrepot::registry
