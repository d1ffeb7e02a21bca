#pragma once

// Decisions about callers, with their policies compiled once a version and the decisions kept as long as
// neither policies nor the context keys they ask for change (design-access 2).
//
// Safe from any thread.

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "access/access.h"
#include "access/decide.h"
#include "metadata/store.h"
#include "metadata/versioned_cache.h"

namespace entrepot::access {

class Authorizer {
 public:
  Authorizer(metadata::Store& store, const Clock& clock, std::size_t cache_bytes);

  /// As Access::Authorize, AuthorizeUnder and TryAuthorize.
  Result<> Authorize(const Caller& caller, std::string_view action, std::string_view resource,
                     const RequestFacts& facts);
  Result<> AuthorizeUnder(const PolicyDocument& policy, const Caller& caller, std::string_view action,
                          std::string_view resource, const RequestFacts& facts);
  std::optional<bool> TryAuthorize(const Caller& caller, std::string_view action, std::string_view resource,
                                   const http::RequestHead& head) const;

 private:
  using Policies = std::vector<PolicyPtr>;
  // What is attached to a repository, and to the registry it is in.
  struct Attached {
    PolicyPtr repository, registry;  // nullptr where there is none
    bool registry_for_all = false;   // REGISTRY_POLICY_SCOPE is V2

    Policies For(std::string_view action) const;
  };
  // For one caller, action and resource: the answer, or the keys that it depends on; then the answers lie
  // under the values of those keys.
  struct Decision {
    std::vector<std::string> keys;
    Verdict verdict;  // when there are no keys
  };

  Result<std::shared_ptr<const Policies>> PoliciesOf(const Caller& caller);
  Result<std::shared_ptr<const Attached>> AttachedTo(std::string_view resource);
  Result<Verdict> Evaluate(const Caller& caller, const std::string& name, std::string_view action,
                           std::string_view resource, const RequestFacts& facts);

  metadata::Store& store_;
  const Clock& clock_;
  metadata::VersionedCache<Policies> policies_;
  metadata::VersionedCache<Attached> attached_;
  metadata::VersionedCache<Decision> decisions_;
};

}  // namespace entrepot::access
