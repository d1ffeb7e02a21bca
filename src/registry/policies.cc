#include "registry/policies.h"

#include "metadata/policies.h"
#include "registry/refs.h"

namespace entrepot::registry {
namespace {

Result<std::string> Find(metadata::sql::Session& session, const Repository& repository) {
  auto text = TRY(metadata::FindRepositoryPolicy(session, RefOf(repository)));
  if (!text) return Fail(About(repository, ErrorCode::kRepositoryPolicyNotFound));
  return *std::move(text);
}

Result<std::string> Find(metadata::sql::Session& session, const RegistryName& registry) {
  auto text = TRY(metadata::FindRegistryPolicy(session, registry));
  if (!text) return Fail(Error(ErrorCode::kRegistryPolicyNotFound).With("account", registry.account.str()));
  return *std::move(text);
}

}  // namespace

Result<> Policies::Put(const Repository& repository, const std::string& text) {
  return store_.Write([&](metadata::WriteTransaction& transaction) -> Result<> {
    TRY(RequireRepository(transaction, repository));
    TRY(metadata::PutRepositoryPolicy(transaction, RefOf(repository), text));
    transaction.Touch(metadata::RepositoryVersion(repository.registry, repository.name));
    return {};
  });
}

Result<std::string> Policies::Get(const Repository& repository) {
  return store_.Read([&](metadata::sql::Session& session) { return Find(session, repository); });
}

Result<std::string> Policies::Delete(const Repository& repository) {
  return store_.Write([&](metadata::WriteTransaction& transaction) -> Result<std::string> {
    std::string text = TRY(Find(transaction.session(), repository));
    TRY(metadata::DeleteRepositoryPolicy(transaction, RefOf(repository)));
    transaction.Touch(metadata::RepositoryVersion(repository.registry, repository.name));
    return text;
  });
}

Result<> Policies::Put(const RegistryName& registry, const std::string& text) {
  return store_.Write([&](metadata::WriteTransaction& transaction) {
    return metadata::PutRegistryPolicy(transaction, registry, text);
  });
}

Result<std::string> Policies::Get(const RegistryName& registry) {
  return store_.Read([&](metadata::sql::Session& session) { return Find(session, registry); });
}

Result<std::string> Policies::Delete(const RegistryName& registry) {
  return store_.Write([&](metadata::WriteTransaction& transaction) -> Result<std::string> {
    std::string text = TRY(Find(transaction.session(), registry));
    TRY(metadata::DeleteRegistryPolicy(transaction, registry));
    return text;
  });
}

}  // namespace entrepot::registry
