#pragma once

// From the domain's repository to the rows it is kept in, and the errors that name it.

#include "base/arn.h"
#include "keys/repository_key.h"
#include "metadata/repositories.h"
#include "registry/repository.h"

namespace entrepot::registry {

inline metadata::RepositoryRef RefOf(const Repository& repository) {
  return {static_cast<std::int64_t>(repository.registry_id), static_cast<std::int64_t>(repository.id)};
}

/// As keys know it: its ARN is the encryption context.
inline keys::RepositoryRef KeyRefOf(const Repository& repository) {
  return {static_cast<std::int64_t>(repository.registry_id), static_cast<std::int64_t>(repository.id),
          RepositoryArn(repository.registry, repository.name)};
}

/// An error with the facts that say which repository.
inline Error About(const Repository& repository, ErrorCode code) {
  return Error(code)
      .With("repository", repository.name.str())
      .With("account", repository.registry.account.str());
}

/// kRepositoryNotFound when the repository has been deleted since it was looked up, kUnavailable when its
/// domain is another one: writers check both by its id, inside their transaction (design-storage 1.3).
inline Result<> RequireRepository(
    metadata::WriteTransaction& transaction, const Repository& repository,
    metadata::RepositoryLock lock = metadata::RepositoryLock::kAgainstDeletion) {
  const auto domain = TRY(metadata::FindDomain(transaction, RefOf(repository), lock));
  if (!domain) return Fail(About(repository, ErrorCode::kRepositoryNotFound));
  if (*domain != repository.domain)
    return Fail(About(repository, ErrorCode::kUnavailable).With("detail", "its encryption has changed"));
  return {};
}

}  // namespace entrepot::registry
