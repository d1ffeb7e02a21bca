#include "metadata/usage.h"

namespace entrepot::metadata {
namespace {

Result<> Add(WriteTransaction& transaction, RepositoryRef ref, const Usage& change) {
  TRY(transaction->Run(
      "INSERT INTO repository_usage (registry, repository, blobs, unique_bytes, shared_bytes, "
      "archived_bytes, "
      "manifests, manifest_bytes) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"
      " ON CONFLICT (registry, repository) DO UPDATE SET blobs = repository_usage.blobs + excluded.blobs,"
      " unique_bytes = repository_usage.unique_bytes + excluded.unique_bytes,"
      " shared_bytes = repository_usage.shared_bytes + excluded.shared_bytes,"
      " archived_bytes = repository_usage.archived_bytes + excluded.archived_bytes,"
      " manifests = repository_usage.manifests + excluded.manifests,"
      " manifest_bytes = repository_usage.manifest_bytes + excluded.manifest_bytes",
      ref.registry, ref.repository, change.blobs, change.unique_bytes, change.shared_bytes,
      change.archived_bytes, change.manifests, change.manifest_bytes));
  return {};
}

// Who links a file besides one repository: two tell as much as a thousand.
struct Others {
  std::int64_t size = 0;           // of the blob
  std::int64_t archived_size = 0;  // the same, when the repository's own link is archived
  int count = 0;
  std::int64_t first = 0;
};
Result<Others> OthersOf(WriteTransaction& transaction, RepositoryRef ref, Bytes file_id) {
  Others others;
  {
    sql::Cursor row =
        TRY(transaction->Query("SELECT b.size, COALESCE(l.archived, 0) FROM blobs b LEFT JOIN blob_links l"
                               " ON l.registry = b.registry AND l.repository = $3 AND l.digest = b.digest"
                               " WHERE b.registry = $1 AND b.file_id = $2",
                               ref.registry, file_id, ref.repository));
    if (TRY(row.Next())) others.size = row.Int(0), others.archived_size = row.Bool(1) ? row.Int(0) : 0;
  }
  sql::Cursor row = TRY(transaction->Query(
      "SELECT repository FROM blob_links WHERE registry = $1 AND file_id = $2 AND repository <> $3 LIMIT 2",
      ref.registry, file_id, ref.repository));
  for (; TRY(row.Next()); ++others.count) others.first = row.Int(0);
  return others;
}

Usage ReadUsage(const sql::Cursor& row, int first) {
  return {.blobs = row.Int(first),
          .unique_bytes = row.Int(first + 1),
          .shared_bytes = row.Int(first + 2),
          .archived_bytes = row.Int(first + 3),
          .manifests = row.Int(first + 4),
          .manifest_bytes = row.Int(first + 5)};
}

#define USAGE_COLUMNS                                                                \
  "COALESCE(u.blobs, 0), COALESCE(u.unique_bytes, 0), COALESCE(u.shared_bytes, 0), " \
  "COALESCE(u.archived_bytes, 0), COALESCE(u.manifests, 0), COALESCE(u.manifest_bytes, 0)"
#define NAMED_USAGE                                                      \
  "SELECT r.registry, r.id, g.account, g.region, r.name, " USAGE_COLUMNS \
  " FROM repositories r JOIN registries g ON g.id = r.registry"          \
  " LEFT JOIN repository_usage u ON u.registry = r.registry AND u.repository = r.id"

Result<std::vector<NamedUsage>> ReadNamed(sql::Cursor& row) {
  std::vector<NamedUsage> list;
  while (TRY(row.Next()))
    list.push_back({{row.Int(0), row.Int(1)},
                    {AccountId::Trusted(row.Text(2)), Region::Trusted(row.Text(3))},
                    row.Text(4),
                    ReadUsage(row, 5)});
  return list;
}

}  // namespace

Result<> LinkAdded(WriteTransaction& transaction, RepositoryRef ref, Bytes file_id) {
  const Others others = TRY(OthersOf(transaction, ref, file_id));
  if (others.count == 0)
    return Add(transaction, ref,
               {.blobs = 1, .unique_bytes = others.size, .archived_bytes = others.archived_size});
  if (others.count == 1)
    TRY(Add(transaction, {ref.registry, others.first},
            {.unique_bytes = -others.size, .shared_bytes = others.size}));
  return Add(transaction, ref,
             {.blobs = 1, .shared_bytes = others.size, .archived_bytes = others.archived_size});
}

Result<> LinkGoing(WriteTransaction& transaction, RepositoryRef ref, Bytes file_id) {
  const Others others = TRY(OthersOf(transaction, ref, file_id));
  if (others.count == 0)
    return Add(transaction, ref,
               {.blobs = -1, .unique_bytes = -others.size, .archived_bytes = -others.archived_size});
  if (others.count == 1)
    TRY(Add(transaction, {ref.registry, others.first},
            {.unique_bytes = others.size, .shared_bytes = -others.size}));
  return Add(transaction, ref,
             {.blobs = -1, .shared_bytes = -others.size, .archived_bytes = -others.archived_size});
}

Result<> LinkArchived(WriteTransaction& transaction, RepositoryRef ref, const Digest& digest, bool archived) {
  std::int64_t size = 0;
  {
    sql::Cursor row = TRY(transaction->Query(
        "SELECT b.size FROM blob_links l JOIN blobs b ON b.registry = l.registry AND b.file_id = l.file_id"
        " WHERE l.registry = $1 AND l.repository = $2 AND l.digest = $3",
        ref.registry, ref.repository, digest));
    if (TRY(row.Next())) size = row.Int(0);
  }
  return Add(transaction, ref, {.archived_bytes = archived ? size : -size});
}

Result<> ManifestsChanged(WriteTransaction& transaction, RepositoryRef ref, int sign, std::int64_t size) {
  return Add(transaction, ref, {.manifests = sign, .manifest_bytes = sign * size});
}

Result<> BlobsChanged(WriteTransaction& transaction, std::int64_t registry, int sign, BlobSizes sizes) {
  TRY(transaction->Run(
      "INSERT INTO registry_usage (registry, blobs, bytes, archived_bytes) VALUES ($1, $2, $3, $4)"
      " ON CONFLICT (registry) DO UPDATE SET blobs = registry_usage.blobs + excluded.blobs,"
      " bytes = registry_usage.bytes + excluded.bytes,"
      " archived_bytes = registry_usage.archived_bytes + excluded.archived_bytes",
      registry, sign, sign * sizes.bytes, sign * sizes.archived_bytes));
  return {};
}

Result<Usage> FindUsage(sql::Session& session, RepositoryRef ref) {
  sql::Cursor row = TRY(session.Query("SELECT " USAGE_COLUMNS
                                      " FROM repository_usage u WHERE u.registry = $1 AND u.repository = $2",
                                      ref.registry, ref.repository));
  return TRY(row.Next()) ? ReadUsage(row, 0) : Usage{};
}

Result<RegistryUsage> FindRegistryUsage(sql::Session& session, std::int64_t registry) {
  sql::Cursor row = TRY(
      session.Query("SELECT blobs, bytes, archived_bytes FROM registry_usage WHERE registry = $1", registry));
  return TRY(row.Next()) ? RegistryUsage{row.Int(0), row.Int(1), row.Int(2)} : RegistryUsage{};
}

Result<std::vector<NamedUsage>> ListUsage(sql::Session& session, RepositoryRef after, int limit) {
  sql::Cursor row =
      TRY(session.Query(NAMED_USAGE " WHERE (r.registry, r.id) > ($1, $2) ORDER BY r.registry, r.id LIMIT $3",
                        after.registry, after.repository, limit));
  return ReadNamed(row);
}

Result<std::vector<NamedUsage>> ListLargest(sql::Session& session, int limit) {
  sql::Cursor row = TRY(session.Query(
      NAMED_USAGE
      " ORDER BY COALESCE(u.unique_bytes, 0) + COALESCE(u.shared_bytes, 0) DESC, r.registry, r.id "
      "LIMIT $1",
      limit));
  return ReadNamed(row);
}

Result<std::vector<NamedRegistryUsage>> ListRegistryUsage(sql::Session& session) {
  sql::Cursor row =
      TRY(session.Query("SELECT g.id, g.account, g.region, COALESCE(u.blobs, 0), COALESCE(u.bytes, 0), "
                        "COALESCE(u.archived_bytes, 0)"
                        " FROM registries g LEFT JOIN registry_usage u ON u.registry = g.id ORDER BY g.id"));
  std::vector<NamedRegistryUsage> list;
  while (TRY(row.Next()))
    list.push_back({row.Int(0),
                    {AccountId::Trusted(row.Text(1)), Region::Trusted(row.Text(2))},
                    {row.Int(3), row.Int(4), row.Int(5)}});
  return list;
}

Result<ImageUsage> CountImageUsage(sql::Session& session, RepositoryRef ref, const Digest& image) {
  sql::Cursor row =
      TRY(session.Query("SELECT CAST(COALESCE(SUM(CASE WHEN needed = 0 THEN size ELSE 0 END), 0) AS BIGINT),"
                        " CAST(COALESCE(SUM(CASE WHEN needed = 1 THEN size ELSE 0 END), 0) AS BIGINT),"
                        " CAST(COALESCE(SUM(CASE WHEN archived = 1 THEN size ELSE 0 END), 0) AS BIGINT) FROM"
                        " (SELECT b.size AS size, l.archived AS archived, CASE WHEN EXISTS (SELECT 1 FROM "
                        "manifest_references o "
                        "WHERE o.registry = $1 AND "
                        "o.repository = $2 AND o.child = c.child AND o.kind IN (1, 2) AND o.parent <> $3)"
                        " OR EXISTS (SELECT 1 FROM blob_links x WHERE x.registry = $1 AND x.file_id = "
                        "b.file_id AND x.repository "
                        "<> $2) THEN 1 ELSE 0 END AS needed"
                        " FROM (SELECT DISTINCT child FROM manifest_references WHERE registry = $1 AND "
                        "repository = $2 AND parent "
                        "= $3 AND kind IN (1, 2)) c"
                        " JOIN blob_links l ON l.registry = $1 AND l.repository = $2 AND l.digest = c.child"
                        " JOIN blobs b ON b.registry = l.registry AND b.file_id = l.file_id) layers",
                        ref.registry, ref.repository, image));
  TRY(row.Next());
  return ImageUsage{row.Int(0), row.Int(1), row.Int(2)};
}

Result<std::vector<NamedImageUsage>> ListImageUsage(sql::Session& session, RepositoryRef ref,
                                                    const std::optional<Digest>& after, int limit) {
  std::vector<NamedImageUsage> images;
  {
    sql::Cursor row =
        TRY(session.Query("SELECT digest FROM manifests WHERE registry = $1 AND repository = $2"
                          " AND digest > $3 ORDER BY digest LIMIT $4",
                          ref.registry, ref.repository, after ? after->ToStored() : ByteVector{}, limit));
    while (TRY(row.Next())) images.push_back({TRY(row.StoredDigest(0)), {}});
  }
  for (NamedImageUsage& image : images) image.usage = TRY(CountImageUsage(session, ref, image.image));
  return images;
}

Result<Usage> CountUsage(sql::Session& session, RepositoryRef ref) {
  Usage usage;
  {
    sql::Cursor row = TRY(session.Query(
        "SELECT COUNT(*), CAST(COALESCE(SUM(CASE WHEN shared = 0 THEN size ELSE 0 END), 0) AS BIGINT),"
        " CAST(COALESCE(SUM(CASE WHEN shared = 1 THEN size ELSE 0 END), 0) AS BIGINT),"
        " CAST(COALESCE(SUM(CASE WHEN archived = 1 THEN size ELSE 0 END), 0) AS BIGINT) FROM"
        " (SELECT b.size AS size, l.archived AS archived, CASE WHEN EXISTS (SELECT 1 FROM blob_links o WHERE "
        "o.registry = l.registry "
        "AND "
        "o.file_id = l.file_id AND o.repository <> l.repository) THEN 1 ELSE 0 END AS shared"
        " FROM blob_links l JOIN blobs b ON b.registry = l.registry AND b.file_id = l.file_id"
        " WHERE l.registry = $1 AND l.repository = $2) links",
        ref.registry, ref.repository));
    TRY(row.Next());
    usage = {.blobs = row.Int(0),
             .unique_bytes = row.Int(1),
             .shared_bytes = row.Int(2),
             .archived_bytes = row.Int(3)};
  }
  sql::Cursor row =
      TRY(session.Query("SELECT COUNT(*), CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM manifests WHERE "
                        "registry = $1 AND repository "
                        "= $2",
                        ref.registry, ref.repository));
  TRY(row.Next());
  usage.manifests = row.Int(0);
  usage.manifest_bytes = row.Int(1);
  return usage;
}

Result<RegistryUsage> CountRegistryUsage(sql::Session& session, std::int64_t registry) {
  sql::Cursor row = TRY(
      session.Query("SELECT COUNT(*), CAST(COALESCE(SUM(size), 0) AS BIGINT),"
                    " CAST(COALESCE(SUM(CASE WHEN tier = 2 THEN size ELSE 0 END), 0) AS BIGINT) FROM blobs"
                    " WHERE registry = $1",
                    registry));
  TRY(row.Next());
  return RegistryUsage{row.Int(0), row.Int(1), row.Int(2)};
}

Result<> SetUsage(WriteTransaction& transaction, RepositoryRef ref, const Usage& usage) {
  TRY(transaction->Run("DELETE FROM repository_usage WHERE registry = $1 AND repository = $2", ref.registry,
                       ref.repository));
  return Add(transaction, ref, usage);
}

Result<> SetRegistryUsage(WriteTransaction& transaction, std::int64_t registry, const RegistryUsage& usage) {
  TRY(transaction->Run(
      "INSERT INTO registry_usage (registry, blobs, bytes, archived_bytes) VALUES ($1, $2, $3, $4)"
      " ON CONFLICT (registry) DO UPDATE SET blobs = excluded.blobs, bytes = excluded.bytes,"
      " archived_bytes = excluded.archived_bytes",
      registry, usage.blobs, usage.bytes, usage.archived_bytes));
  return {};
}

}  // namespace entrepot::metadata
