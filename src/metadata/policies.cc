#include "metadata/policies.h"

#include "metadata/versioned_cache.h"

namespace entrepot::metadata {

std::uint64_t RegistryPolicyVersion(const RegistryName& registry) {
  return CacheKey("registry policy", registry.account, registry.region);
}

Result<std::optional<std::string>> FindRepositoryPolicy(sql::Session& session, RepositoryRef ref) {
  sql::Cursor row =
      TRY(session.Query("SELECT document FROM repository_policies WHERE registry = $1 AND repository = $2",
                        ref.registry, ref.repository));
  if (!TRY(row.Next())) return std::nullopt;
  return row.Text(0);
}

Result<> PutRepositoryPolicy(WriteTransaction& transaction, RepositoryRef ref, std::string_view document) {
  TRY(
      transaction->Run("INSERT INTO repository_policies (registry, repository, document) VALUES ($1, $2, $3)"
                       " ON CONFLICT (registry, repository) DO UPDATE SET document = excluded.document",
                       ref.registry, ref.repository, document));
  return {};
}

Result<> DeleteRepositoryPolicy(WriteTransaction& transaction, RepositoryRef ref) {
  TRY(transaction->Run("DELETE FROM repository_policies WHERE registry = $1 AND repository = $2",
                       ref.registry, ref.repository));
  return {};
}

Result<std::optional<std::string>> FindRegistryPolicy(sql::Session& session, const RegistryName& registry) {
  sql::Cursor row =
      TRY(session.Query("SELECT p.document FROM registries r JOIN registry_policies p ON p.registry = r.id"
                        " WHERE r.account = $1 AND r.region = $2",
                        registry.account, registry.region));
  if (!TRY(row.Next())) return std::nullopt;
  return row.Text(0);
}

Result<> PutRegistryPolicy(WriteTransaction& transaction, const RegistryName& registry,
                           std::string_view document) {
  const std::int64_t id = TRY(EnsureRegistry(transaction, registry));
  TRY(
      transaction->Run("INSERT INTO registry_policies (registry, document) VALUES ($1, $2)"
                       " ON CONFLICT (registry) DO UPDATE SET document = excluded.document",
                       id, document));
  transaction.Touch(RegistryPolicyVersion(registry));
  return {};
}

Result<> DeleteRegistryPolicy(WriteTransaction& transaction, const RegistryName& registry) {
  const std::int64_t id = TRY(EnsureRegistry(transaction, registry));
  TRY(transaction->Run("DELETE FROM registry_policies WHERE registry = $1", id));
  transaction.Touch(RegistryPolicyVersion(registry));
  return {};
}

Result<AttachedPolicies> FindAttachedPolicies(sql::Session& session, const RegistryName& registry,
                                              std::string_view repository) {
  sql::Cursor row =
      TRY(session.Query("SELECT p.document, g.document FROM registries r"
                        " LEFT JOIN registry_policies g ON g.registry = r.id"
                        " LEFT JOIN repositories o ON o.registry = r.id AND o.name = $3"
                        " LEFT JOIN repository_policies p ON p.registry = r.id AND p.repository = o.id"
                        " WHERE r.account = $1 AND r.region = $2",
                        registry.account, registry.region, repository));
  if (!TRY(row.Next())) return AttachedPolicies{};
  return AttachedPolicies{.repository = row.OptionalText(0), .registry = row.OptionalText(1)};
}

}  // namespace entrepot::metadata
