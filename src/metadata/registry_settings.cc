#include "metadata/registry_settings.h"

#include "metadata/policies.h"
#include "metadata/repositories.h"
#include "metadata/versioned_cache.h"

namespace entrepot::metadata {

std::uint64_t AccountSettingsVersion(const RegistryName& registry) {
  return CacheKey("account settings", registry.account, registry.region);
}

std::uint64_t PullTimeExclusionsVersion(const RegistryName& registry) {
  return CacheKey("pull time exclusions", registry.account, registry.region);
}

Result<std::optional<std::string>> FindAccountSetting(sql::Session& session, const RegistryName& registry,
                                                      std::string_view name) {
  sql::Cursor row =
      TRY(session.Query("SELECT s.value FROM registries r JOIN account_settings s ON s.registry = r.id"
                        " WHERE r.account = $1 AND r.region = $2 AND s.name = $3",
                        registry.account, registry.region, name));
  if (!TRY(row.Next())) return std::nullopt;
  return row.Text(0);
}

Result<> PutAccountSetting(WriteTransaction& transaction, const RegistryName& registry, std::string_view name,
                           std::string_view value) {
  const std::int64_t id = TRY(EnsureRegistry(transaction, registry));
  TRY(
      transaction->Run("INSERT INTO account_settings (registry, name, value) VALUES ($1, $2, $3)"
                       " ON CONFLICT (registry, name) DO UPDATE SET value = excluded.value",
                       id, name, value));
  transaction.Touch(AccountSettingsVersion(registry));
  transaction.Touch(RegistryPolicyVersion(registry));  // which has a scope among them
  return {};
}

Result<bool> InsertPullTimeExclusion(WriteTransaction& transaction, const RegistryName& registry,
                                     std::string_view principal_arn) {
  const std::int64_t id = TRY(EnsureRegistry(transaction, registry));
  const std::int64_t inserted =
      TRY(transaction->Run("INSERT INTO pull_time_exclusions (registry, principal_arn, created_at)"
                           " VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                           id, principal_arn, transaction.now()));
  transaction.Touch(PullTimeExclusionsVersion(registry));
  return inserted == 1;
}

Result<bool> DeletePullTimeExclusion(WriteTransaction& transaction, const RegistryName& registry,
                                     std::string_view principal_arn) {
  const std::int64_t id = TRY(EnsureRegistry(transaction, registry));
  const std::int64_t deleted = TRY(transaction->Run(
      "DELETE FROM pull_time_exclusions WHERE registry = $1 AND principal_arn = $2", id, principal_arn));
  transaction.Touch(PullTimeExclusionsVersion(registry));
  return deleted == 1;
}

Result<std::int64_t> CountPullTimeExclusions(sql::Session& session, const RegistryName& registry) {
  sql::Cursor row =
      TRY(session.Query("SELECT COUNT(*) FROM registries r JOIN pull_time_exclusions e ON e.registry = r.id"
                        " WHERE r.account = $1 AND r.region = $2",
                        registry.account, registry.region));
  TRY(row.Next());
  return row.Int(0);
}

Result<std::vector<std::string>> ListPullTimeExclusions(sql::Session& session, const RegistryName& registry,
                                                        std::string_view after, int limit) {
  sql::Cursor row = TRY(session.Query(
      "SELECT e.principal_arn FROM registries r JOIN pull_time_exclusions e ON e.registry = r.id"
      " WHERE r.account = $1 AND r.region = $2 AND e.principal_arn > $3 ORDER BY e.principal_arn LIMIT $4",
      registry.account, registry.region, after, limit));
  std::vector<std::string> arns;
  while (TRY(row.Next())) arns.push_back(row.Text(0));
  return arns;
}

}  // namespace entrepot::metadata
