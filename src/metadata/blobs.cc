#include "metadata/blobs.h"

#include "metadata/usage.h"

namespace entrepot::metadata {
namespace {

#define BLOB_COLUMNS \
  "b.file_id, b.domain, b.digest, b.size, b.state, b.layout, b.tier, COALESCE(b.packed_size, 0)"
#define LINK_COLUMNS                                                                          \
  BLOB_COLUMNS                                                                                \
  ", l.repository, l.repository_key, l.wrapped_key, l.collect_after, COALESCE(l.media_type, " \
  "''), l.archived"

Result<BlobRow> ReadBlob(sql::Cursor& row, int first = 0) {
  return BlobRow{.file_id = row.Blob(first),
                 .domain = row.Int(first + 1),
                 .digest = TRY(row.StoredDigest(first + 2)),
                 .size = row.Int(first + 3),
                 .state = static_cast<BlobState>(row.Int(first + 4)),
                 .layout = row.Blob(first + 5),
                 .tier = static_cast<BlobTier>(row.Int(first + 6)),
                 .packed_size = row.Int(first + 7)};
}

Result<LinkRow> ReadLink(sql::Cursor& row) {
  return LinkRow{.repository = row.Int(8),
                 .blob = TRY(ReadBlob(row)),
                 .key = {row.Int(9), row.Blob(10)},
                 .collect_after = row.OptionalTime(11),
                 .media_type = row.Text(12),
                 .archived = row.Bool(13)};
}

Result<std::vector<FileRow>> ReadFiles(sql::Cursor& row) {
  std::vector<FileRow> files;
  while (TRY(row.Next())) files.push_back({row.Int(0), TRY(ReadBlob(row, 1))});
  return files;
}

}  // namespace

Result<std::optional<BlobRow>> FindLiveBlob(sql::Session& session, std::int64_t registry, std::int64_t domain,
                                            const Digest& digest, BlobTier tier) {
  sql::Cursor row = TRY(session.Query(
      "SELECT " BLOB_COLUMNS
      " FROM blobs b WHERE registry = $1 AND domain = $2 AND digest = $3 AND tier = $4 AND state = 1",
      registry, domain, digest, static_cast<int>(tier)));
  if (!TRY(row.Next())) return std::nullopt;
  return TRY(ReadBlob(row));
}

Result<bool> InsertBlob(WriteTransaction& transaction, std::int64_t registry, const BlobRow& row,
                        const std::optional<ByteVector>& content) {
  const std::int64_t inserted = TRY(transaction->Run(
      "INSERT INTO blobs (registry, file_id, domain, digest, size, state, layout, created_at, content, tier,"
      " packed_size) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING",
      registry, row.file_id, row.domain, row.digest, row.size, static_cast<int>(row.state), row.layout,
      transaction.now(), content, static_cast<int>(row.tier),
      row.tier == BlobTier::kArchive ? std::optional(row.packed_size) : std::nullopt));
  if (inserted == 1) TRY(BlobsChanged(transaction, registry, 1, SizesOf(row.size, row.tier)));
  return inserted == 1;
}

Result<std::optional<ByteVector>> FindRowContent(sql::Session& session, std::int64_t registry,
                                                 Bytes file_id) {
  sql::Cursor row =
      TRY(session.Query("SELECT content FROM blobs WHERE registry = $1 AND file_id = $2", registry, file_id));
  if (!TRY(row.Next())) return std::nullopt;
  return row.OptionalBlob(0);
}

Result<> SetBlobState(WriteTransaction& transaction, std::int64_t registry, Bytes file_id, BlobState state) {
  TRY(transaction->Run("UPDATE blobs SET state = $3 WHERE registry = $1 AND file_id = $2", registry, file_id,
                       static_cast<int>(state)));
  return {};
}

Result<> MarkDamaged(WriteTransaction& transaction, std::int64_t registry, Bytes file_id,
                     Timestamp quarantined_until) {
  TRY(transaction->Run(
      "UPDATE blobs SET state = 3, quarantined_until = $3 WHERE registry = $1 AND file_id = $2", registry,
      file_id, quarantined_until));
  return {};
}

Result<> DeleteBlob(WriteTransaction& transaction, std::int64_t registry, Bytes file_id) {
  std::optional<BlobSizes> sizes;
  {
    sql::Cursor row = TRY(transaction->Query(
        "DELETE FROM blobs WHERE registry = $1 AND file_id = $2 RETURNING size, tier", registry, file_id));
    if (TRY(row.Next())) sizes = SizesOf(row.Int(0), static_cast<BlobTier>(row.Int(1)));
  }
  return sizes ? BlobsChanged(transaction, registry, -1, *sizes) : Result<>();
}

Result<bool> AnyBlobs(sql::Session& session, BlobTier tier) {
  // In words that a partial index answers to.
  sql::Cursor row =
      TRY(session.Query(tier == BlobTier::kArchive ? "SELECT 1 FROM blobs WHERE tier = 2 LIMIT 1"
                                                   : "SELECT 1 FROM blobs WHERE tier = 1 LIMIT 1"));
  return row.Next();
}

Result<bool> IsFileKnown(sql::Session& session, Bytes file_id) {
  sql::Cursor row = TRY(
      session.Query("SELECT 1 FROM registries r WHERE"
                    " EXISTS (SELECT 1 FROM blobs b WHERE b.registry = r.id AND b.file_id = $1) OR"
                    " EXISTS (SELECT 1 FROM uploads u WHERE u.registry = r.id AND u.file_id = $1) LIMIT 1",
                    file_id));
  return row.Next();
}

Result<std::optional<LinkRow>> FindLink(sql::Session& session, RepositoryRef ref, const Digest& digest) {
  sql::Cursor row =
      TRY(session.Query("SELECT " LINK_COLUMNS
                        " FROM blob_links l JOIN blobs b ON b.registry = l.registry AND b.file_id = l.file_id"
                        " WHERE l.registry = $1 AND l.repository = $2 AND l.digest = $3",
                        ref.registry, ref.repository, digest));
  if (!TRY(row.Next())) return std::nullopt;
  return TRY(ReadLink(row));
}

Result<bool> IsLayerPresent(WriteTransaction& transaction, RepositoryRef ref, const Digest& digest) {
#define PRESENT_LAYER                                                                                 \
  "SELECT b.state, b.tier FROM blob_links l JOIN blobs b ON b.registry = l.registry AND b.file_id = " \
  "l.file_id"                                                                                         \
  " WHERE l.registry = $1 AND l.repository = $2 AND l.digest = $3"
  const std::string_view query = transaction->locks_rows() ? PRESENT_LAYER " FOR KEY SHARE" : PRESENT_LAYER;
  sql::Cursor row = TRY(transaction->Query(query, ref.registry, ref.repository, digest));
  return TRY(row.Next()) && BlobRow{.digest = digest,
                                    .state = static_cast<BlobState>(row.Int(0)),
                                    .tier = static_cast<BlobTier>(row.Int(1))}
                                .hot();
}

Result<std::vector<LinkRow>> ListLinks(sql::Session& session, std::int64_t registry, Bytes file_id,
                                       int limit) {
  sql::Cursor row =
      TRY(session.Query("SELECT " LINK_COLUMNS
                        " FROM blob_links l JOIN blobs b ON b.registry = l.registry AND b.file_id = l.file_id"
                        " WHERE l.registry = $1 AND l.file_id = $2 LIMIT $3",
                        registry, file_id, limit));
  std::vector<LinkRow> links;
  while (TRY(row.Next())) links.push_back(TRY(ReadLink(row)));
  return links;
}

Result<std::optional<NamedLink>> FindNamedLink(sql::Session& session, std::int64_t registry, Bytes file_id) {
  sql::Cursor row = TRY(session.Query(
      "SELECT " LINK_COLUMNS
      ", r.name FROM blob_links l JOIN blobs b ON b.registry = l.registry AND b.file_id = l.file_id"
      " JOIN repositories r ON r.registry = l.registry AND r.id = l.repository"
      " WHERE l.registry = $1 AND l.file_id = $2 LIMIT 1",
      registry, file_id));
  if (!TRY(row.Next())) return std::nullopt;
  return NamedLink{TRY(ReadLink(row)), row.Text(14)};
}

Result<std::vector<std::string>> ListHolders(sql::Session& session, RepositoryRef ref, std::int64_t domain,
                                             const Digest& digest, int limit) {
  sql::Cursor row = TRY(session.Query(
      "SELECT r.name FROM blobs b JOIN blob_links l ON l.registry = b.registry AND l.file_id = b.file_id"
      " JOIN repositories r ON r.registry = l.registry AND r.id = l.repository"
      " WHERE b.registry = $1 AND b.domain = $2 AND b.digest = $3 AND b.tier = 1 AND b.state = 1"
      " AND l.repository <> $4 AND l.archived = 0"
      " LIMIT $5",
      ref.registry, domain, digest, ref.repository, limit));
  std::vector<std::string> names;
  while (TRY(row.Next())) names.push_back(row.Text(0));
  return names;
}

namespace {

Result<std::optional<ByteVector>> FileOfLink(WriteTransaction& transaction, RepositoryRef ref,
                                             const Digest& digest) {
  sql::Cursor row = TRY(transaction->Query(
      "SELECT file_id FROM blob_links WHERE registry = $1 AND repository = $2 AND digest = $3", ref.registry,
      ref.repository, digest));
  if (!TRY(row.Next())) return std::nullopt;
  return row.Blob(0);
}

}  // namespace

Result<> PutLink(WriteTransaction& transaction, RepositoryRef ref, const Digest& digest, Bytes file_id,
                 const WrappedKey& key, std::optional<Timestamp> collect_after) {
  const auto before = TRY(FileOfLink(transaction, ref, digest));
  if (before) TRY(LinkGoing(transaction, ref, *before));
  TRY(transaction->Run(
      "INSERT INTO blob_links (registry, repository, digest, file_id, repository_key, wrapped_key, "
      "collect_after)"
      " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (registry, repository, digest) DO UPDATE SET"
      " file_id = excluded.file_id, repository_key = excluded.repository_key, wrapped_key = "
      "excluded.wrapped_key, archived = 0, collect_after = CASE WHEN blob_links.collect_after <"
      " excluded.collect_after THEN excluded.collect_after ELSE blob_links.collect_after END",
      ref.registry, ref.repository, digest, file_id, key.repository_key, key.bytes, collect_after));
  if (before && *before != ToVector(file_id)) TRY(AddCandidate(transaction, ref.registry, *before));
  return LinkAdded(transaction, ref, file_id);
}

Result<bool> SetLinkArchived(WriteTransaction& transaction, RepositoryRef ref, const Digest& digest,
                             bool archived) {
  const std::int64_t changed = TRY(transaction->Run(
      "UPDATE blob_links SET archived = $4 WHERE registry = $1 AND repository = $2 AND digest = $3"
      " AND archived <> $4",
      ref.registry, ref.repository, digest, archived ? 1 : 0));
  if (changed == 1) TRY(LinkArchived(transaction, ref, digest, archived));
  return changed == 1;
}

Result<> MoveArchivedLink(WriteTransaction& transaction, RepositoryRef ref, const Digest& digest,
                          Bytes file_id, const WrappedKey& key) {
  const auto before = TRY(FileOfLink(transaction, ref, digest));
  if (!before) return {};
  TRY(LinkGoing(transaction, ref, *before));
  TRY(
      transaction->Run("UPDATE blob_links SET file_id = $4, repository_key = $5, wrapped_key = $6"
                       " WHERE registry = $1 AND repository = $2 AND digest = $3",
                       ref.registry, ref.repository, digest, file_id, key.repository_key, key.bytes));
  TRY(LinkAdded(transaction, ref, file_id));
  return AddCandidate(transaction, ref.registry, *before);
}

Result<bool> HoldLink(WriteTransaction& transaction, RepositoryRef ref, const Digest& digest,
                      Timestamp until) {
  const std::int64_t held = TRY(transaction->Run(
      "UPDATE blob_links SET collect_after = CASE WHEN collect_after IS NULL OR collect_after > $4"
      " THEN collect_after ELSE $4 END WHERE registry = $1 AND repository = $2 AND digest = $3"
      " AND EXISTS (SELECT 1 FROM blobs b WHERE b.registry = blob_links.registry AND b.file_id = "
      "blob_links.file_id"
      " AND b.state = 1)",
      ref.registry, ref.repository, digest, until));
  return held == 1;
}

Result<> ReferLink(WriteTransaction& transaction, RepositoryRef ref, const Digest& digest,
                   std::string_view media_type) {
  bool archived = false;
  {
    sql::Cursor row = TRY(transaction->Query(
        "UPDATE blob_links SET collect_after = NULL, media_type = COALESCE(media_type, $4)"
        " WHERE registry = $1 AND repository = $2 AND digest = $3 AND (collect_after IS NOT NULL"
        " OR media_type IS NULL OR archived = 1) RETURNING archived",
        ref.registry, ref.repository, digest, media_type));
    if (TRY(row.Next())) archived = row.Bool(0);
  }
  if (archived) TRY(SetLinkArchived(transaction, ref, digest, false));
  return {};
}

Result<> ReleaseLink(WriteTransaction& transaction, RepositoryRef ref, const Digest& digest,
                     Timestamp until) {
  TRY(transaction->Run(
      "UPDATE blob_links SET collect_after = $4 WHERE registry = $1 AND repository = $2 AND digest = $3",
      ref.registry, ref.repository, digest, until));
  return {};
}

Result<> DeleteLink(WriteTransaction& transaction, RepositoryRef ref, const Digest& digest) {
  const auto file_id = TRY(FileOfLink(transaction, ref, digest));
  if (!file_id) return {};
  TRY(LinkGoing(transaction, ref, *file_id));
  TRY(transaction->Run("DELETE FROM blob_links WHERE registry = $1 AND repository = $2 AND digest = $3",
                       ref.registry, ref.repository, digest));
  return AddCandidate(transaction, ref.registry, *file_id);
}

Result<std::vector<DueLink>> ListDueLinks(sql::Session& session, Timestamp now, int limit) {
  sql::Cursor row =
      TRY(session.Query("SELECT registry, repository, digest FROM blob_links WHERE collect_after IS NOT NULL "
                        "AND collect_after <= $1"
                        " ORDER BY collect_after LIMIT $2",
                        now, limit));
  std::vector<DueLink> due;
  while (TRY(row.Next())) due.push_back({{row.Int(0), row.Int(1)}, TRY(row.StoredDigest(2))});
  return due;
}

Result<std::vector<FileRow>> ListCandidates(sql::Session& session, int limit) {
  sql::Cursor row = TRY(session.Query("SELECT c.registry, " BLOB_COLUMNS
                                      " FROM collection_candidates c JOIN blobs b ON b.registry = c.registry "
                                      "AND b.file_id = c.file_id LIMIT $1",
                                      limit));
  return ReadFiles(row);
}

Result<> DropCandidate(WriteTransaction& transaction, std::int64_t registry, Bytes file_id) {
  TRY(transaction->Run("DELETE FROM collection_candidates WHERE registry = $1 AND file_id = $2", registry,
                       file_id));
  return {};
}

Result<> AddCandidate(WriteTransaction& transaction, std::int64_t registry, Bytes file_id) {
  TRY(transaction->Run(
      "INSERT INTO collection_candidates (registry, file_id) SELECT registry, file_id FROM blobs"
      " WHERE registry = $1 AND file_id = $2 AND state <> 2 ON CONFLICT DO NOTHING",
      registry, file_id));
  return {};
}

Result<bool> IsLinkDue(WriteTransaction& transaction, RepositoryRef ref, const Digest& digest) {
  sql::Cursor row = TRY(
      transaction->Query("SELECT 1 FROM blob_links l WHERE registry = $1 AND repository = $2 AND digest = $3 "
                         "AND collect_after <= $4"
                         " AND NOT EXISTS (SELECT 1 FROM manifest_references m WHERE m.registry = l.registry"
                         " AND m.repository = l.repository AND m.child = l.digest AND m.kind IN (1, 2))",
                         ref.registry, ref.repository, digest, transaction.store_time()));
  return row.Next();
}

Result<bool> IsFileInUse(WriteTransaction& transaction, std::int64_t registry, Bytes file_id) {
  if (transaction->locks_rows()) {
    sql::Cursor locked = TRY(transaction->Query(
        "SELECT 1 FROM blobs WHERE registry = $1 AND file_id = $2 FOR UPDATE", registry, file_id));
    TRY(locked.Next());
  }
  sql::Cursor row = TRY(transaction->Query(
      "SELECT 1 WHERE EXISTS (SELECT 1 FROM blob_links WHERE registry = $1 AND file_id = $2)"
      " OR EXISTS (SELECT 1 FROM uploads WHERE registry = $1 AND file_id = $2 AND state = 1)"
      " OR EXISTS (SELECT 1 FROM blobs WHERE registry = $1 AND file_id = $2 AND state = 3 AND "
      "quarantined_until > $3)",
      registry, file_id, transaction.store_time()));
  return row.Next();
}

Result<std::vector<FileRow>> ListDeleting(sql::Session& session, int limit) {
  sql::Cursor row = TRY(session.Query(
      "SELECT b.registry, " BLOB_COLUMNS " FROM blobs b WHERE b.state <> 1 AND b.state = 2 LIMIT $1", limit));
  return ReadFiles(row);
}

Result<std::vector<FileRow>> ListHealable(sql::Session& session, int limit) {
  sql::Cursor row =
      TRY(session.Query(
          "SELECT b.registry, " BLOB_COLUMNS " FROM blobs b WHERE b.state <> 1 AND b.state = 3"
          " AND EXISTS (SELECT 1 FROM blob_links l WHERE l.registry = b.registry AND l.file_id = b.file_id)"
          " AND EXISTS (SELECT 1 FROM blobs n WHERE n.registry = b.registry AND n.domain = b.domain"
          " AND n.digest = b.digest AND n.tier = 1 AND n.state = 1) LIMIT $1",
          limit));
  return ReadFiles(row);
}

Result<std::vector<FileRow>> ListQuarantineOver(sql::Session& session, Timestamp now, int limit) {
  sql::Cursor row = TRY(session.Query("SELECT b.registry, " BLOB_COLUMNS
                                      " FROM blobs b WHERE b.state <> 1 AND b.state = 3 AND "
                                      "b.quarantined_until <= $1 ORDER BY b.quarantined_until LIMIT $2",
                                      now, limit));
  return ReadFiles(row);
}

Result<std::int64_t> CountDue(sql::Session& session, Timestamp now, int limit) {
  sql::Cursor row = TRY(session.Query(
      "SELECT COUNT(*) FROM (SELECT 1 AS one FROM (SELECT 1 FROM blob_links WHERE collect_after IS NOT NULL "
      "AND collect_after <= $1 LIMIT $2) links"
      " UNION ALL SELECT 1 FROM (SELECT 1 FROM collection_candidates LIMIT $2) candidates"
      " UNION ALL SELECT 1 FROM (SELECT 1 FROM blobs WHERE state <> 1 AND state = 2 LIMIT $2) marked) due",
      now, limit));
  TRY(row.Next());
  return row.Int(0);
}

Result<Reclaimable> FindReclaimable(sql::Session& session, Timestamp now) {
  Reclaimable found;
  {
    // Files on their way out, those that lost a link and those whose links are over, less what is still held.
    sql::Cursor row = TRY(session.Query(
        "SELECT COUNT(*), CAST(COALESCE(SUM(b.size), 0) AS BIGINT) FROM"
        " (SELECT registry, file_id FROM collection_candidates"
        " UNION SELECT registry, file_id FROM blob_links WHERE collect_after IS NOT NULL AND collect_after "
        "<= $1"
        " UNION SELECT registry, file_id FROM blobs WHERE state <> 1 AND state = 2) gone"
        " JOIN blobs b ON b.registry = gone.registry AND b.file_id = gone.file_id"
        " WHERE NOT EXISTS (SELECT 1 FROM blob_links l WHERE l.registry = b.registry AND l.file_id = "
        "b.file_id AND (l.collect_after IS NULL OR l.collect_after > $1))"
        " AND (b.state <> 3 OR b.quarantined_until <= $1)",
        now));
    TRY(row.Next());
    found.files = row.Int(0);
    found.bytes = row.Int(1);
  }
  sql::Cursor row = TRY(session.Query(
      "SELECT (SELECT COUNT(*) FROM blob_links WHERE collect_after IS NOT NULL AND collect_after <= $1),"
      " (SELECT COUNT(*) FROM uploads WHERE expires_at <= $1), (SELECT COUNT(*) FROM repository_remains)",
      now));
  TRY(row.Next());
  found.links = row.Int(0);
  found.uploads = row.Int(1);
  found.repositories = row.Int(2);
  return found;
}

namespace {

Result<std::int64_t> DeleteLinksOf(WriteTransaction& transaction, RepositoryRef ref, int limit) {
  std::vector<Digest> digests;
  {
    sql::Cursor row = TRY(transaction->Query(
        "SELECT digest FROM blob_links WHERE registry = $1 AND repository = $2 ORDER BY digest LIMIT $3",
        ref.registry, ref.repository, limit));
    while (TRY(row.Next())) digests.push_back(TRY(row.StoredDigest(0)));
  }
  for (const Digest& digest : digests) TRY(DeleteLink(transaction, ref, digest));
  return std::ssize(digests);
}

}  // namespace

Result<bool> SweepRemains(WriteTransaction& transaction, int limit) {
  std::optional<RepositoryRef> ref;
  {
    sql::Cursor row = TRY(transaction->Query("SELECT registry, repository FROM repository_remains LIMIT 1"));
    if (TRY(row.Next())) ref = RepositoryRef{row.Int(0), row.Int(1)};
  }
  if (!ref) return false;
  std::int64_t rows = TRY(DeleteLinksOf(transaction, *ref, limit));
  rows += TRY(transaction->Run(
      "DELETE FROM tags WHERE registry = $1 AND repository = $2 AND tag IN (SELECT tag FROM tags"
      " WHERE registry = $1 AND repository = $2 LIMIT $3)",
      ref->registry, ref->repository, limit));
  rows +=
      TRY(transaction->Run("DELETE FROM manifest_references WHERE registry = $1 AND repository = $2 AND "
                           "parent IN (SELECT parent FROM"
                           " manifest_references WHERE registry = $1 AND repository = $2 LIMIT $3)",
                           ref->registry, ref->repository, limit));
  rows +=
      TRY(transaction->Run("DELETE FROM manifests WHERE registry = $1 AND repository = $2 AND digest IN "
                           "(SELECT digest FROM manifests"
                           " WHERE registry = $1 AND repository = $2 LIMIT $3)",
                           ref->registry, ref->repository, limit));
  TRY(transaction->Run(
      "UPDATE uploads SET expires_at = 0 WHERE registry = $1 AND repository = $2 AND expires_at <> 0",
      ref->registry, ref->repository));
  if (rows > 0) return true;
  for (const std::string_view statement :
       {"DELETE FROM repository_keys WHERE registry = $1 AND repository = $2",
        "DELETE FROM ended_subjects WHERE registry = $1 AND repository = $2",
        "DELETE FROM storage_class_changes WHERE registry = $1 AND repository = $2",
        "DELETE FROM repository_usage WHERE registry = $1 AND repository = $2",
        "DELETE FROM repository_remains WHERE registry = $1 AND repository = $2"})
    TRY(transaction->Run(statement, ref->registry, ref->repository));
  return true;
}

}  // namespace entrepot::metadata
