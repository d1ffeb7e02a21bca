#include "metadata/store_walk.h"

namespace entrepot::metadata {
namespace {

// Whether the repository of row `x` has a name, is being swept, or neither: an Owner.
#define OWNER_OF(x)                                                                                \
  "CASE WHEN EXISTS (SELECT 1 FROM repositories o WHERE o.registry = " x ".registry AND o.id = " x \
  ".repository) THEN 1 WHEN EXISTS (SELECT 1 FROM repository_remains o WHERE o.registry = " x      \
  ".registry AND o.repository = " x ".repository) THEN 2 ELSE 0 END"

Owner ReadOwner(const sql::Cursor& row, int column) { return static_cast<Owner>(row.Int(column)); }

void PutNumber(ByteVector& out, std::int64_t number) {
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(number >> shift));
}
std::int64_t TakeNumber(Bytes bytes) {
  std::uint64_t number = 0;
  for (const std::uint8_t byte : bytes.first(8)) number = number << 8 | byte;
  return static_cast<std::int64_t>(number);
}

}  // namespace

ByteVector WalkPosition::Encode() const {
  ByteVector bytes;
  PutNumber(bytes, registry);
  PutNumber(bytes, repository);
  bytes.insert(bytes.end(), key.begin(), key.end());
  return bytes;
}

Result<WalkPosition> WalkPosition::Decode(Bytes bytes) {
  if (bytes.size() < 16) return Fail(ErrorCode::kDamaged, "the position of a check is no position");
  return WalkPosition{TakeNumber(bytes), TakeNumber(bytes.subspan(8)), ToVector(bytes.subspan(16))};
}

Result<std::vector<WalkedBlob>> WalkBlobs(sql::Session& session, const WalkPosition& after, int limit) {
  sql::Cursor row = TRY(session.Query(
      "SELECT b.registry, b.file_id, b.domain, b.digest, b.size, b.state, b.layout,"
      " CASE WHEN EXISTS (SELECT 1 FROM blob_links l WHERE l.registry = b.registry AND l.file_id = b.file_id)"
      " THEN 1 ELSE 0 END,"
      " CASE WHEN EXISTS (SELECT 1 FROM collection_candidates c WHERE c.registry = b.registry AND c.file_id "
      "= "
      "b.file_id) THEN 1 ELSE 0 END, b.tier, COALESCE(b.packed_size, 0)"
      " FROM blobs b WHERE (b.registry, b.file_id) > ($1, $2) ORDER BY b.registry, b.file_id LIMIT $3",
      after.registry, after.key, limit));
  std::vector<WalkedBlob> blobs;
  while (TRY(row.Next()))
    blobs.push_back({{row.Int(0),
                      {.file_id = row.Blob(1),
                       .domain = row.Int(2),
                       .digest = TRY(row.StoredDigest(3)),
                       .size = row.Int(4),
                       .state = static_cast<BlobState>(row.Int(5)),
                       .layout = row.Blob(6),
                       .tier = static_cast<BlobTier>(row.Int(9)),
                       .packed_size = row.Int(10)}},
                     row.Bool(7),
                     row.Bool(8)});
  return blobs;
}

Result<std::vector<WalkedLink>> WalkLinks(sql::Session& session, const WalkPosition& after, int limit) {
  sql::Cursor row = TRY(session.Query(
      "SELECT l.registry, l.repository, " OWNER_OF(
          "l") ", COALESCE(r.name, ''), l.digest, l.repository_key, l.wrapped_key, l.collect_after,"
               " CASE WHEN EXISTS (SELECT 1 FROM manifest_references m WHERE m.registry = l.registry AND "
               "m.repository = "
               "l.repository AND m.child = l.digest AND m.kind IN (1, 2)) THEN 1 ELSE 0 END,"
               " b.file_id, b.domain, b.digest, b.size, b.state, b.layout, b.tier, COALESCE(b.packed_size, "
               "0), l.archived"
               " FROM blob_links l LEFT JOIN repositories r ON r.registry = l.registry AND r.id = "
               "l.repository"
               " LEFT JOIN blobs b ON b.registry = l.registry AND b.file_id = l.file_id"
               " WHERE (l.registry, l.repository, l.digest) > ($1, $2, $3)"
               " ORDER BY l.registry, l.repository, l.digest LIMIT $4",
      after.registry, after.repository, after.key, limit));
  std::vector<WalkedLink> links;
  while (TRY(row.Next())) {
    WalkedLink walked{.ref = {row.Int(0), row.Int(1)},
                      .owner = ReadOwner(row, 2),
                      .repository_name = row.Text(3),
                      .digest = TRY(row.StoredDigest(4)),
                      .link = std::nullopt,
                      .held = !row.IsNull(7),
                      .referenced = row.Bool(8)};
    if (!row.IsNull(9))
      walked.link = LinkRow{.repository = row.Int(1),
                            .blob = {.file_id = row.Blob(9),
                                     .domain = row.Int(10),
                                     .digest = TRY(row.StoredDigest(11)),
                                     .size = row.Int(12),
                                     .state = static_cast<BlobState>(row.Int(13)),
                                     .layout = row.Blob(14),
                                     .tier = static_cast<BlobTier>(row.Int(15)),
                                     .packed_size = row.Int(16)},
                            .key = {row.Int(5), row.Blob(6)},
                            .collect_after = row.OptionalTime(7),
                            .media_type = "",
                            .archived = row.Bool(17)};
    links.push_back(std::move(walked));
  }
  return links;
}

Result<std::vector<WalkedManifest>> WalkManifests(sql::Session& session, const WalkPosition& after,
                                                  int limit) {
  sql::Cursor row = TRY(session.Query("SELECT m.registry, m.repository, " OWNER_OF(
                                          "m") ", m.digest, m.media_type, m.size, m.image_size, m.pushed_at, "
                                               "m.subject, m.content, m.image_status FROM manifests m"
                                               " WHERE (m.registry, m.repository, m.digest) > ($1, $2, $3)"
                                               " ORDER BY m.registry, m.repository, m.digest LIMIT $4",
                                      after.registry, after.repository, after.key, limit));
  std::vector<WalkedManifest> manifests;
  while (TRY(row.Next())) {
    WalkedManifest walked{.ref = {row.Int(0), row.Int(1)},
                          .owner = ReadOwner(row, 2),
                          .row = {.digest = TRY(row.StoredDigest(3)),
                                  .media_type = row.Text(4),
                                  .size = row.Int(5),
                                  .image_size = row.Int(6),
                                  .pushed_at = row.Time(7),
                                  .artifact_type = std::nullopt,
                                  .subject = std::nullopt,
                                  .status = static_cast<ImageStatus>(row.Int(10)),
                                  .last_archived_at = std::nullopt,
                                  .last_activated_at = std::nullopt},
                          .content = std::string(AsText(row.BlobView(9)))};
    if (!row.IsNull(8)) walked.row.subject = TRY(row.StoredDigest(8));
    manifests.push_back(std::move(walked));
  }
  return manifests;
}

Result<std::vector<WalkedTag>> WalkTags(sql::Session& session, const WalkPosition& after, int limit) {
  sql::Cursor row =
      TRY(session.Query("SELECT t.registry, t.repository, " OWNER_OF(
                            "t") ", t.tag, CASE WHEN EXISTS (SELECT 1 FROM manifests m WHERE m.registry = "
                                 "t.registry AND m.repository = "
                                 "t.repository AND m.digest = t.digest) THEN 1 ELSE 0 END FROM tags t"
                                 " WHERE (t.registry, t.repository, t.tag) > ($1, $2, $3)"
                                 " ORDER BY t.registry, t.repository, t.tag LIMIT $4",
                        after.registry, after.repository, AsText(after.key), limit));
  std::vector<WalkedTag> tags;
  while (TRY(row.Next()))
    tags.push_back({{row.Int(0), row.Int(1)}, ReadOwner(row, 2), row.Text(3), row.Bool(4)});
  return tags;
}

Result<std::vector<WalkedParent>> WalkParents(sql::Session& session, const WalkPosition& after, int limit) {
  sql::Cursor row = TRY(
      session.Query("SELECT p.registry, p.repository, " OWNER_OF(
                        "p") ", p.parent, CASE WHEN EXISTS (SELECT 1 FROM manifests m WHERE m.registry = "
                             "p.registry AND m.repository = "
                             "p.repository AND m.digest = p.parent) THEN 1 ELSE 0 END"
                             " FROM (SELECT DISTINCT registry, repository, parent FROM manifest_references"
                             " WHERE (registry, repository, parent) > ($1, $2, $3) ORDER BY registry, "
                             "repository, parent LIMIT $4) p"
                             " ORDER BY p.registry, p.repository, p.parent",
                    after.registry, after.repository, after.key, limit));
  std::vector<WalkedParent> parents;
  while (TRY(row.Next()))
    parents.push_back({{row.Int(0), row.Int(1)}, ReadOwner(row, 2), TRY(row.StoredDigest(3)), row.Bool(4)});
  return parents;
}

Result<std::optional<BlobRow>> FindBlob(sql::Session& session, std::int64_t registry, Bytes file_id) {
  sql::Cursor row = TRY(
      session.Query("SELECT domain, digest, size, state, layout, tier, COALESCE(packed_size, 0) FROM blobs"
                    " WHERE registry = $1 AND file_id = $2",
                    registry, file_id));
  if (!TRY(row.Next())) return std::nullopt;
  return BlobRow{.file_id = ToVector(file_id),
                 .domain = row.Int(0),
                 .digest = TRY(row.StoredDigest(1)),
                 .size = row.Int(2),
                 .state = static_cast<BlobState>(row.Int(3)),
                 .layout = row.Blob(4),
                 .tier = static_cast<BlobTier>(row.Int(5)),
                 .packed_size = row.Int(6)};
}

Result<std::optional<StoreCheck>> FindStoreCheck(sql::Session& session) {
  sql::Cursor row = TRY(session.Query(
      "SELECT stage, position, repair, read_blobs, checked, findings, repaired, started_at FROM store_checks "
      "WHERE id = 1"));
  if (!TRY(row.Next())) return std::nullopt;
  return StoreCheck{.stage = row.Int(0),
                    .position = TRY(WalkPosition::Decode(row.BlobView(1))),
                    .repair = row.Bool(2),
                    .read_blobs = row.Bool(3),
                    .checked = row.Int(4),
                    .findings = row.Int(5),
                    .repaired = row.Int(6),
                    .started_at = row.Time(7)};
}

Result<> PutStoreCheck(WriteTransaction& transaction, const StoreCheck& check) {
  TRY(transaction->Run(
      "INSERT INTO store_checks (id, stage, position, repair, read_blobs, checked, findings, repaired, "
      "started_at) VALUES (1, $1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO UPDATE SET"
      " stage = excluded.stage, position = excluded.position, repair = excluded.repair,"
      " read_blobs = excluded.read_blobs, checked = excluded.checked, findings = excluded.findings,"
      " repaired = excluded.repaired, started_at = excluded.started_at",
      check.stage, check.position.Encode(), check.repair ? 1 : 0, check.read_blobs ? 1 : 0, check.checked,
      check.findings, check.repaired, check.started_at));
  return {};
}

Result<> DeleteStoreCheck(WriteTransaction& transaction) {
  TRY(transaction->Run("DELETE FROM store_checks WHERE id = 1"));
  return {};
}

}  // namespace entrepot::metadata
