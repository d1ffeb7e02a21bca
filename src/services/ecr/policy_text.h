#pragma once

// The texts of policies on repositories and registries: what ECR takes beyond IAM's grammar, and the form in
// which it gives them back (ecr-semantics 4.2, 4.10). Pure.

#include <string>
#include <string_view>

#include "access/policy_document.h"
#include "base/names.h"

namespace entrepot::ecr {

struct CheckedPolicy {
  access::PolicyDocument document;
  std::string text;  // canonical
};

/// A policy of the repository with that ARN, or, with "", of repositories that do not exist yet. Every action
/// is ECR's, and a Resource can only be the repository. kInvalidParameter about `parameter`.
Result<CheckedPolicy> CheckRepositoryPolicy(std::string_view parameter, std::string_view text,
                                            const Region& region, std::string_view repository_arn);

/// The account setting REGISTRY_POLICY_SCOPE.
enum class RegistryPolicyScope { kV1, kV2 };

/// A policy of the registry: every statement says which of its repositories it is about, and with kV1 only
/// what others do to the registry can be in it. kInvalidParameter.
Result<CheckedPolicy> CheckRegistryPolicy(std::string_view text, const RegistryName& registry,
                                          RegistryPolicyScope scope);

}  // namespace entrepot::ecr
