#pragma once

// How a call names what it is about, and how answers do.

#include <optional>
#include <string>

#include "base/arn.h"
#include "base/digest.h"
#include "services/ecr/ecr.h"

namespace entrepot::ecr {

/// The registry a call is about: the caller's, or the one that `registry_id` (validated by the door) names,
/// in the region of the call.
RegistryName RegistryOf(const aws::CallContext& call, const std::optional<std::string>& registry_id);

/// The host that docker logs in to and that URIs of this answer begin with.
std::string RegistryHost(const Ecr& ecr, const aws::CallContext& call, const RegistryName& registry);

/// The repository of a request that has registry_id and repository_name. kRepositoryNotFound.
template <class Request>
Result<registry::RepositoryPtr> FindRepository(Ecr& ecr, const aws::CallContext& call,
                                               const Request& request) {
  return ecr.repositories.Find(RegistryOf(call, request.registry_id),
                               RepositoryName::Trusted(request.repository_name));
}

/// ECR's first family of validation texts (ecr-semantics 3.3).
std::unexpected<Error> InvalidParameter(std::string parameter, std::string constraint);

/// As ECR's messages show it.
inline constexpr std::string_view kDigestExpression = "[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+";

/// What ECR's expression for digests admits, which is more than a registry has content under: nothing for a
/// digest of another algorithm or length. kInvalidParameter about `parameter` for what is no digest at all.
Result<std::optional<Digest>> ReadDigest(std::string_view parameter, std::string_view text);

/// Where a list goes on, sealed into a nextToken that is good for this list only.
std::string SealNextToken(Ecr& ecr, std::string_view list, std::string_view cursor);
/// kInvalidPageToken.
Result<std::string> OpenNextToken(Ecr& ecr, std::string_view list, const std::optional<std::string>& token);

inline constexpr int kDefaultPage = 100;

}  // namespace entrepot::ecr
