#pragma once

// Rows of policies on repositories and registries, in the form that clients get them back in.
//
// A repository's policy is covered by RepositoryVersion, which its writers raise; a registry's by
// RegistryPolicyVersion, which the functions here raise.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "metadata/repositories.h"

namespace entrepot::metadata {

/// Version key, for caches: of the registry's policy, and of which actions it is asked about.
std::uint64_t RegistryPolicyVersion(const RegistryName& registry);

Result<std::optional<std::string>> FindRepositoryPolicy(sql::Session& session, RepositoryRef ref);
/// Makes or replaces it.
Result<> PutRepositoryPolicy(WriteTransaction& transaction, RepositoryRef ref, std::string_view document);
Result<> DeleteRepositoryPolicy(WriteTransaction& transaction, RepositoryRef ref);

Result<std::optional<std::string>> FindRegistryPolicy(sql::Session& session, const RegistryName& registry);
Result<> PutRegistryPolicy(WriteTransaction& transaction, const RegistryName& registry,
                           std::string_view document);
Result<> DeleteRegistryPolicy(WriteTransaction& transaction, const RegistryName& registry);

/// What is attached to a repository of that name and to its registry.
struct AttachedPolicies {
  std::optional<std::string> repository, registry;
};
Result<AttachedPolicies> FindAttachedPolicies(sql::Session& session, const RegistryName& registry,
                                              std::string_view repository);

}  // namespace entrepot::metadata
