#include "metadata/repositories.h"

#include "metadata/versioned_cache.h"

namespace entrepot::metadata {
namespace {

RepositoryRow ReadRepository(sql::Cursor& row) {
  return {.registry = row.Int(0),
          .id = row.Int(1),
          .name = row.Text(2),
          .domain = row.Int(3),
          .encryption = static_cast<int>(row.Int(4)),
          .kms_key = row.Text(5),
          .created_at = row.Time(6),
          .tag_mutability = static_cast<int>(row.Int(7)),
          .tag_exclusions = row.Text(8),
          .scan_on_push = row.Bool(9)};
}

}  // namespace

std::uint64_t RepositoryVersion(const RegistryName& registry, std::string_view name) {
  return CacheKey("repository", registry.account, registry.region, name);
}

Result<std::int64_t> NextNumber(WriteTransaction& transaction, std::string_view counter) {
  sql::Cursor row =
      TRY(transaction->Query("INSERT INTO counters (name, next) VALUES ($1, 2)"
                             " ON CONFLICT (name) DO UPDATE SET next = counters.next + 1 RETURNING next - 1",
                             counter));
  if (!TRY(row.Next())) return Fail(ErrorCode::kInternal, "a counter returned no number");
  const std::int64_t number = row.Int(0);
  TRY(row.Next());  // runs the statement to its end
  return number;
}

Result<std::optional<std::int64_t>> FindRegistry(sql::Session& session, const RegistryName& name) {
  sql::Cursor row = TRY(session.Query("SELECT id FROM registries WHERE account = $1 AND region = $2",
                                      name.account, name.region));
  if (!TRY(row.Next())) return std::nullopt;
  return row.Int(0);
}

Result<std::int64_t> EnsureRegistry(WriteTransaction& transaction, const RegistryName& name) {
  if (const auto found = TRY(FindRegistry(transaction.session(), name))) return *found;
  const std::int64_t id = TRY(NextNumber(transaction, "registries"));
  TRY(transaction->Run(
      "INSERT INTO registries (id, account, region) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", id,
      name.account, name.region));
  const auto winner = TRY(FindRegistry(transaction.session(), name));
  if (!winner) return Fail(ErrorCode::kInternal, "a registry row vanished");
  return *winner;
}

Result<std::int64_t> EnsureDomain(WriteTransaction& transaction, std::int64_t registry, int encryption,
                                  const std::string& kms_key) {
  const auto find = [&]() -> Result<std::optional<std::int64_t>> {
    sql::Cursor row = TRY(
        transaction->Query("SELECT id FROM domains WHERE registry = $1 AND encryption = $2 AND kms_key = $3",
                           registry, encryption, kms_key));
    if (!TRY(row.Next())) return std::nullopt;
    return row.Int(0);
  };
  if (const auto found = TRY(find())) return *found;
  const std::int64_t id = TRY(NextNumber(transaction, "domains"));
  TRY(
      transaction->Run("INSERT INTO domains (registry, id, encryption, kms_key) VALUES ($1, $2, $3, $4) ON "
                       "CONFLICT DO NOTHING",
                       registry, id, encryption, kms_key));
  const auto winner = TRY(find());
  if (!winner) return Fail(ErrorCode::kInternal, "a domain row vanished");
  return *winner;
}

Result<std::optional<RepositoryRow>> FindRepository(sql::Session& session, std::int64_t registry,
                                                    std::string_view name) {
  sql::Cursor row = TRY(session.Query(
      "SELECT r.registry, r.id, r.name, r.domain, d.encryption, d.kms_key, r.created_at, r.tag_mutability,"
      " r.tag_exclusions, r.scan_on_push FROM repositories r"
      " JOIN domains d ON d.registry = r.registry AND d.id = r.domain WHERE r.registry = $1 AND r.name = $2",
      registry, name));
  if (!TRY(row.Next())) return std::nullopt;
  return ReadRepository(row);
}

Result<std::optional<std::string>> FindRepositoryName(sql::Session& session, RepositoryRef ref) {
  sql::Cursor row = TRY(session.Query("SELECT name FROM repositories WHERE registry = $1 AND id = $2",
                                      ref.registry, ref.repository));
  if (!TRY(row.Next())) return std::nullopt;
  return row.Text(0);
}

Result<std::optional<RegistryName>> FindRegistryName(sql::Session& session, std::int64_t registry) {
  sql::Cursor row = TRY(session.Query("SELECT account, region FROM registries WHERE id = $1", registry));
  if (!TRY(row.Next())) return std::nullopt;
  return RegistryName{AccountId::Trusted(row.Text(0)), Region::Trusted(row.Text(1))};
}

Result<std::optional<std::int64_t>> FindDomain(WriteTransaction& transaction, RepositoryRef ref,
                                               RepositoryLock lock) {
#define DOMAIN_BY_ID "SELECT domain FROM repositories WHERE registry = $1 AND id = $2"
  const std::string_view query = !transaction->locks_rows()               ? DOMAIN_BY_ID
                                 : lock == RepositoryLock::kAgainstWrites ? DOMAIN_BY_ID " FOR UPDATE"
                                                                          : DOMAIN_BY_ID " FOR KEY SHARE";
  sql::Cursor row = TRY(transaction->Query(query, ref.registry, ref.repository));
  if (!TRY(row.Next())) return std::nullopt;
  return row.Int(0);
}

Result<std::optional<TagMutabilityRow>> FindTagMutability(WriteTransaction& transaction, RepositoryRef ref) {
#define MUTABILITY_BY_ID \
  "SELECT tag_mutability, tag_exclusions FROM repositories WHERE registry = $1 AND id = $2"
  const std::string_view query = transaction->locks_rows() ? MUTABILITY_BY_ID " FOR SHARE" : MUTABILITY_BY_ID;
  sql::Cursor row = TRY(transaction->Query(query, ref.registry, ref.repository));
  if (!TRY(row.Next())) return std::nullopt;
  return TagMutabilityRow{static_cast<int>(row.Int(0)), row.Text(1)};
}

Result<std::vector<RepositoryRow>> ListRepositories(sql::Session& session, std::int64_t registry,
                                                    std::string_view after, int limit) {
  sql::Cursor row = TRY(session.Query(
      "SELECT r.registry, r.id, r.name, r.domain, d.encryption, d.kms_key, r.created_at, r.tag_mutability,"
      " r.tag_exclusions, r.scan_on_push FROM repositories r"
      " JOIN domains d ON d.registry = r.registry AND d.id = r.domain"
      " WHERE r.registry = $1 AND r.name > $2 ORDER BY r.name LIMIT $3",
      registry, after, limit));
  std::vector<RepositoryRow> rows;
  while (TRY(row.Next())) rows.push_back(ReadRepository(row));
  return rows;
}

Result<std::int64_t> CountRepositories(sql::Session& session, std::int64_t registry) {
  sql::Cursor row = TRY(session.Query("SELECT COUNT(*) FROM repositories WHERE registry = $1", registry));
  TRY(row.Next());
  return row.Int(0);
}

Result<bool> InsertRepository(WriteTransaction& transaction, const RepositoryRow& row) {
  const std::int64_t inserted =
      TRY(transaction->Run("INSERT INTO repositories (registry, name, id, domain, created_at, "
                           "tag_mutability, tag_exclusions, scan_on_push)"
                           " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
                           row.registry, row.name, row.id, row.domain, row.created_at, row.tag_mutability,
                           row.tag_exclusions, row.scan_on_push));
  return inserted == 1;
}

Result<bool> UpdateTagMutability(WriteTransaction& transaction, RepositoryRef ref, int tag_mutability,
                                 std::string_view tag_exclusions) {
  const std::int64_t updated = TRY(transaction->Run(
      "UPDATE repositories SET tag_mutability = $3, tag_exclusions = $4 WHERE registry = $1 AND id = $2",
      ref.registry, ref.repository, tag_mutability, tag_exclusions));
  return updated == 1;
}

Result<bool> UpdateScanOnPush(WriteTransaction& transaction, RepositoryRef ref, bool scan_on_push) {
  const std::int64_t updated =
      TRY(transaction->Run("UPDATE repositories SET scan_on_push = $3 WHERE registry = $1 AND id = $2",
                           ref.registry, ref.repository, scan_on_push));
  return updated == 1;
}

Result<> RetireRepository(WriteTransaction& transaction, RepositoryRef ref, std::string_view name) {
  TRY(transaction->Run("DELETE FROM repositories WHERE registry = $1 AND name = $2 AND id = $3", ref.registry,
                       name, ref.repository));
  TRY(transaction->Run("DELETE FROM repository_tags WHERE registry = $1 AND repository = $2", ref.registry,
                       ref.repository));
  TRY(transaction->Run("DELETE FROM repository_policies WHERE registry = $1 AND repository = $2",
                       ref.registry, ref.repository));
  TRY(transaction->Run(
      "INSERT INTO repository_remains (registry, repository) VALUES ($1, $2) ON CONFLICT DO NOTHING",
      ref.registry, ref.repository));
  return {};
}

Result<std::vector<TagRow>> ListRepositoryTags(sql::Session& session, RepositoryRef ref) {
  sql::Cursor row = TRY(session.Query(
      "SELECT key, value FROM repository_tags WHERE registry = $1 AND repository = $2 ORDER BY key",
      ref.registry, ref.repository));
  std::vector<TagRow> tags;
  while (TRY(row.Next())) tags.emplace_back(row.Text(0), row.Text(1));
  return tags;
}

Result<> PutRepositoryTag(WriteTransaction& transaction, RepositoryRef ref, const TagRow& tag) {
  TRY(transaction->Run(
      "INSERT INTO repository_tags (registry, repository, key, value) VALUES ($1, $2, $3, $4)"
      " ON CONFLICT (registry, repository, key) DO UPDATE SET value = excluded.value",
      ref.registry, ref.repository, tag.first, tag.second));
  return {};
}

Result<> DeleteRepositoryTag(WriteTransaction& transaction, RepositoryRef ref, std::string_view key) {
  TRY(transaction->Run("DELETE FROM repository_tags WHERE registry = $1 AND repository = $2 AND key = $3",
                       ref.registry, ref.repository, key));
  return {};
}

}  // namespace entrepot::metadata
