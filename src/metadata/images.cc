#include "metadata/images.h"

#include <algorithm>
#include <iterator>

#include "metadata/usage.h"

namespace entrepot::metadata {
namespace {

// The columns that ReadManifestRow reads, from 0.
#define MANIFEST_COLUMNS                                                                    \
  "m.digest, m.media_type, m.size, m.image_size, m.pushed_at, m.artifact_type, m.subject, " \
  "m.image_status, m.last_archived_at, m.last_activated_at, m.last_pulled_at"
constexpr int kManifestColumns = 11;

Result<ManifestRow> ReadManifestRow(sql::Cursor& row) {
  ManifestRow manifest{.digest = TRY(row.StoredDigest(0)),
                       .media_type = row.Text(1),
                       .size = row.Int(2),
                       .image_size = row.Int(3),
                       .pushed_at = row.Time(4),
                       .artifact_type = row.OptionalText(5),
                       .subject = std::nullopt,
                       .status = static_cast<ImageStatus>(row.Int(7)),
                       .last_archived_at = row.OptionalTime(8),
                       .last_activated_at = row.OptionalTime(9),
                       .last_pulled_at = row.OptionalTime(10)};
  if (!row.IsNull(6)) manifest.subject = TRY(row.StoredDigest(6));
  return manifest;
}

bool IsBefore(const ImageRow& left, const ImageRow& right) {
  if (left.manifest.pushed_at != right.manifest.pushed_at)
    return left.manifest.pushed_at > right.manifest.pushed_at;
  return left.manifest.digest < right.manifest.digest;
}

// Newest first, each image once, its tags ascending.
void PutInOrder(std::vector<ImageRow>& images) {
  if (!std::ranges::is_sorted(images, IsBefore)) {
    std::ranges::sort(images, IsBefore);
    std::vector<ImageRow> once;
    for (ImageRow& image : images) {
      if (once.empty() || once.back().manifest.digest != image.manifest.digest)
        once.push_back(std::move(image));
      else
        std::ranges::move(image.tags, std::back_inserter(once.back().tags));
    }
    images = std::move(once);
  }
  for (ImageRow& image : images) std::ranges::sort(image.tags);
}

// A place in the list of images, newest first: behind the image of this digest.
struct Place {
  Timestamp pushed_at;
  ByteVector digest;
};
Place PlaceOf(const std::optional<ImageCursor>& cursor) {
  if (cursor) return {cursor->pushed_at, cursor->digest.ToStored()};
  return {{std::numeric_limits<std::int64_t>::max()}, {}};  // before the first: nothing was pushed later
}

// Behind the last of the next `limit` images, or behind all.
Result<Place> EndOfPage(sql::Session& session, RepositoryRef ref, const Place& after, int limit) {
  sql::Cursor row = TRY(session.Query(
      "SELECT pushed_at, digest FROM manifests WHERE registry = $1 AND repository = $2 AND pushed_at <= $3"
      " AND (pushed_at < $3 OR digest > $4) ORDER BY pushed_at DESC, digest LIMIT 1 OFFSET $5",
      ref.registry, ref.repository, after.pushed_at, after.digest, limit - 1));
  if (!TRY(row.Next())) return Place{{std::numeric_limits<std::int64_t>::min()}, {}};
  return Place{row.Time(0), row.Blob(1)};
}

}  // namespace

Result<std::optional<ManifestRow>> FindManifest(sql::Session& session, RepositoryRef ref,
                                                const Digest& digest) {
  sql::Cursor row = TRY(session.Query(
      "SELECT " MANIFEST_COLUMNS " FROM manifests m WHERE registry = $1 AND repository = $2 AND digest = $3",
      ref.registry, ref.repository, digest));
  if (!TRY(row.Next())) return std::nullopt;
  return TRY(ReadManifestRow(row));
}

Result<std::optional<ManifestContent>> ReadManifest(sql::Session& session, RepositoryRef ref,
                                                    const Digest& digest) {
  sql::Cursor row =
      TRY(session.Query("SELECT media_type, content, image_status FROM manifests WHERE registry = $1 AND "
                        "repository = $2 AND digest = $3",
                        ref.registry, ref.repository, digest));
  if (!TRY(row.Next())) return std::nullopt;
  return ManifestContent{digest, static_cast<ImageStatus>(row.Int(2)), row.Text(0),
                         std::string(AsText(row.BlobView(1)))};
}

Result<bool> InsertManifest(WriteTransaction& transaction, RepositoryRef ref, const ManifestRow& row,
                            std::string_view content) {
  const std::int64_t inserted = TRY(transaction->Run(
      "INSERT INTO manifests (registry, repository, digest, media_type, size, image_size, pushed_at, "
      "artifact_type,"
      " subject, content) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
      ref.registry, ref.repository, row.digest, row.media_type, row.size, row.image_size, row.pushed_at,
      row.artifact_type, row.subject, AsBytes(content)));
  if (inserted == 1) TRY(ManifestsChanged(transaction, ref, 1, row.size));
  return inserted == 1;
}

Result<bool> MendManifest(WriteTransaction& transaction, RepositoryRef ref, const Digest& digest,
                          std::string_view content) {
  const std::int64_t changed = TRY(transaction->Run(
      "UPDATE manifests SET content = $4 WHERE registry = $1 AND repository = $2 AND digest = $3"
      " AND content <> $4",
      ref.registry, ref.repository, digest, AsBytes(content)));
  return changed == 1;
}

Result<> DeleteManifest(WriteTransaction& transaction, RepositoryRef ref, const Digest& digest) {
  std::optional<std::int64_t> size;
  {
    sql::Cursor row = TRY(transaction->Query(
        "DELETE FROM manifests WHERE registry = $1 AND repository = $2 AND digest = $3 RETURNING size",
        ref.registry, ref.repository, digest));
    if (TRY(row.Next())) size = row.Int(0);
  }
  return size ? ManifestsChanged(transaction, ref, -1, *size) : Result<>();
}

Result<> SetLastPulled(WriteTransaction& transaction, RepositoryRef ref, const Digest& digest,
                       Timestamp pulled_at, Timestamp unless_since) {
  TRY(transaction->Run(
      "UPDATE manifests SET last_pulled_at = $4 WHERE registry = $1 AND repository = $2 AND digest = $3"
      " AND (last_pulled_at IS NULL OR last_pulled_at <= $5)",
      ref.registry, ref.repository, digest, pulled_at, unless_since));
  return {};
}

Result<bool> HasManifests(sql::Session& session, RepositoryRef ref) {
  sql::Cursor row =
      TRY(session.Query("SELECT 1 FROM manifests WHERE registry = $1 AND repository = $2 LIMIT 1",
                        ref.registry, ref.repository));
  return row.Next();
}

// Bounded by its last image, for a LIMIT in a subquery would have SQLite copy every column once more; not
// sorted by the database, for SQLite would sort what comes in order as it is. PostgreSQL may join in another
// order.
Result<std::vector<ImageRow>> ListImages(sql::Session& session, RepositoryRef ref,
                                         const std::optional<ImageCursor>& after, int limit) {
  const Place begin = PlaceOf(after);
  const Place end = TRY(EndOfPage(session, ref, begin, limit));
  sql::Cursor row = TRY(session.Query(
      "SELECT " MANIFEST_COLUMNS
      ", t.tag FROM manifests m"
      " LEFT JOIN tags t ON t.registry = m.registry AND t.repository = m.repository AND t.digest = m.digest"
      " WHERE m.registry = $1 AND m.repository = $2 AND m.pushed_at <= $3 AND m.pushed_at >= $5"
      " AND (m.pushed_at < $3 OR m.digest > $4) AND (m.pushed_at > $5 OR m.digest <= $6)",
      ref.registry, ref.repository, begin.pushed_at, begin.digest, end.pushed_at, end.digest));
  std::vector<ImageRow> images;
  images.reserve(static_cast<std::size_t>(limit));
  while (TRY(row.Next())) {
    if (images.empty() || TRY(row.StoredDigest(0)) != images.back().manifest.digest)
      images.push_back({TRY(ReadManifestRow(row)), {}});
    if (!row.IsNull(kManifestColumns)) images.back().tags.push_back(row.Text(kManifestColumns));
  }
  PutInOrder(images);
  return images;
}

Result<std::vector<ImageIdRow>> ListImageIds(sql::Session& session, RepositoryRef ref,
                                             const std::optional<ImageCursor>& after, int limit) {
  const Place begin = PlaceOf(after);
  sql::Cursor row = TRY(session.Query(
      "SELECT m.pushed_at, m.digest, COALESCE(t.tag, ''), m.image_status FROM manifests m"
      " LEFT JOIN tags t ON t.registry = m.registry AND t.repository = m.repository AND t.digest = m.digest"
      " WHERE m.registry = $1 AND m.repository = $2 AND m.pushed_at <= $3"
      " AND (m.pushed_at < $3 OR m.digest > $4 OR (m.digest = $4 AND COALESCE(t.tag, '') > $5))"
      " ORDER BY m.pushed_at DESC, m.digest, t.tag LIMIT $6",
      ref.registry, ref.repository, begin.pushed_at, begin.digest,
      after ? std::string_view(after->tag) : std::string_view(), limit));
  std::vector<ImageIdRow> ids;
  while (TRY(row.Next()))
    ids.push_back(
        {{row.Time(0), TRY(row.StoredDigest(1)), row.Text(2)}, static_cast<ImageStatus>(row.Int(3))});
  return ids;
}

Result<std::vector<ManifestRow>> ListReferrers(sql::Session& session, RepositoryRef ref,
                                               const Digest& subject, const std::optional<Digest>& after,
                                               int limit) {
  sql::Cursor row = TRY(
      session.Query("SELECT " MANIFEST_COLUMNS
                    " FROM manifests m WHERE registry = $1 AND repository = $2 AND subject = $3"
                    " AND digest > $4 ORDER BY digest LIMIT $5",
                    ref.registry, ref.repository, subject, after ? after->ToStored() : ByteVector{}, limit));
  std::vector<ManifestRow> referrers;
  while (TRY(row.Next())) referrers.push_back(TRY(ReadManifestRow(row)));
  return referrers;
}

Result<std::optional<Digest>> FindTag(sql::Session& session, RepositoryRef ref, std::string_view tag) {
  sql::Cursor row =
      TRY(session.Query("SELECT digest FROM tags WHERE registry = $1 AND repository = $2 AND tag = $3",
                        ref.registry, ref.repository, tag));
  if (!TRY(row.Next())) return std::nullopt;
  return TRY(row.StoredDigest(0));
}

Result<> PutTag(WriteTransaction& transaction, RepositoryRef ref, std::string_view tag,
                const Digest& digest) {
  TRY(transaction->Run(
      "INSERT INTO tags (registry, repository, tag, digest, updated_at) VALUES ($1, $2, $3, $4, $5)"
      " ON CONFLICT (registry, repository, tag) DO UPDATE SET digest = excluded.digest, updated_at = "
      "excluded.updated_at",
      ref.registry, ref.repository, tag, digest, transaction.now()));
  return {};
}

Result<> DeleteTag(WriteTransaction& transaction, RepositoryRef ref, std::string_view tag) {
  TRY(transaction->Run("DELETE FROM tags WHERE registry = $1 AND repository = $2 AND tag = $3", ref.registry,
                       ref.repository, tag));
  return {};
}

Result<std::vector<std::string>> TagsOf(sql::Session& session, RepositoryRef ref, const Digest& digest) {
  sql::Cursor row = TRY(session.Query(
      "SELECT tag FROM tags WHERE registry = $1 AND repository = $2 AND digest = $3 ORDER BY tag",
      ref.registry, ref.repository, digest));
  std::vector<std::string> tags;
  while (TRY(row.Next())) tags.push_back(row.Text(0));
  return tags;
}

Result<std::vector<ImageTagRow>> ListTags(sql::Session& session, RepositoryRef ref, std::string_view after,
                                          int limit) {
  // Asked of the few images that are not at hand, not of each tag's own: tags lie in another order than
  // images. An equality would lead SQLite to the key of all images; a range has it take manifests_not_active.
  sql::Cursor row = TRY(
      session.Query("SELECT t.tag, CASE WHEN EXISTS (SELECT 1 FROM manifests m WHERE m.registry = t.registry"
                    " AND m.repository = t.repository AND m.digest BETWEEN t.digest AND t.digest"
                    " AND m.image_status <> 1) THEN 0 ELSE 1 END FROM tags t WHERE t.registry = $1 AND "
                    "t.repository = $2 AND t.tag > $3 ORDER BY t.tag LIMIT $4",
                    ref.registry, ref.repository, after, limit));
  std::vector<ImageTagRow> tags;
  while (TRY(row.Next())) tags.push_back({row.Text(0), row.Int(1) == 1});
  return tags;
}

Result<> InsertReference(WriteTransaction& transaction, RepositoryRef ref, const Digest& parent,
                         const ReferenceRow& reference) {
  TRY(
      transaction->Run("INSERT INTO manifest_references (registry, repository, parent, child, kind) VALUES "
                       "($1, $2, $3, $4, $5)"
                       " ON CONFLICT DO NOTHING",
                       ref.registry, ref.repository, parent, reference.child, reference.kind));
  return {};
}

Result<std::vector<ReferenceRow>> ReferencesOf(sql::Session& session, RepositoryRef ref,
                                               const Digest& parent) {
  sql::Cursor row =
      TRY(session.Query("SELECT child, kind FROM manifest_references WHERE registry = $1 AND "
                        "repository = $2 AND parent = $3",
                        ref.registry, ref.repository, parent));
  std::vector<ReferenceRow> references;
  while (TRY(row.Next())) references.push_back({TRY(row.StoredDigest(0)), static_cast<int>(row.Int(1))});
  return references;
}

Result<std::vector<Digest>> ParentsOf(sql::Session& session, RepositoryRef ref, const Digest& child, int kind,
                                      int limit) {
  sql::Cursor row =
      TRY(session.Query("SELECT parent FROM manifest_references WHERE registry = $1 AND repository = $2 AND "
                        "child = $3 AND kind = $4"
                        " ORDER BY archived, parent LIMIT $5",
                        ref.registry, ref.repository, child, kind, limit));
  std::vector<Digest> parents;
  while (TRY(row.Next())) parents.push_back(TRY(row.StoredDigest(0)));
  return parents;
}

Result<bool> IsLayerReferenced(sql::Session& session, RepositoryRef ref, const Digest& child) {
  sql::Cursor row =
      TRY(session.Query("SELECT 1 FROM manifest_references WHERE registry = $1 AND repository = $2 AND child "
                        "= $3 AND kind IN (1, 2)"
                        " LIMIT 1",
                        ref.registry, ref.repository, child));
  return row.Next();
}

Result<> EndSubject(WriteTransaction& transaction, RepositoryRef ref, const Digest& subject, Timestamp due) {
  TRY(transaction->Run(
      "INSERT INTO ended_subjects (registry, repository, subject, ended_at, due) VALUES ($1, $2, $3, $4, $5)"
      " ON CONFLICT (registry, repository, subject) DO UPDATE SET ended_at = excluded.ended_at",
      ref.registry, ref.repository, subject, transaction.now(), due));
  return {};
}

Result<std::vector<EndedSubject>> ListEndedSubjects(sql::Session& session, Timestamp now, int limit) {
  sql::Cursor row = TRY(session.Query(
      "SELECT registry, repository, subject, ended_at FROM ended_subjects WHERE due <= $1 ORDER BY due "
      "LIMIT $2",
      now, limit));
  std::vector<EndedSubject> ended;
  while (TRY(row.Next())) ended.push_back({{row.Int(0), row.Int(1)}, TRY(row.StoredDigest(2)), row.Time(3)});
  return ended;
}

Result<std::vector<Digest>> ReferrersOfEnded(sql::Session& session, const EndedSubject& ended, int limit) {
  sql::Cursor row = TRY(session.Query(
      "SELECT m.digest FROM manifests m WHERE m.registry = $1 AND m.repository = $2 AND m.subject = $3"
      " AND m.subject IS NOT NULL AND m.pushed_at <= $4 AND NOT EXISTS (SELECT 1 FROM manifest_references r"
      " WHERE r.registry = m.registry AND r.repository = m.repository AND r.child = m.digest AND r.kind = 3)"
      " LIMIT $5",
      ended.ref.registry, ended.ref.repository, ended.subject, ended.ended_at, limit));
  std::vector<Digest> referrers;
  while (TRY(row.Next())) referrers.push_back(TRY(row.StoredDigest(0)));
  return referrers;
}

Result<> ForgetEndedSubject(WriteTransaction& transaction, const EndedSubject& ended) {
  TRY(transaction->Run("DELETE FROM ended_subjects WHERE registry = $1 AND repository = $2 AND subject = $3",
                       ended.ref.registry, ended.ref.repository, ended.subject));
  return {};
}

Result<> DeleteReferencesOf(WriteTransaction& transaction, RepositoryRef ref, const Digest& parent) {
  TRY(transaction->Run(
      "DELETE FROM manifest_references WHERE registry = $1 AND repository = $2 AND parent = $3", ref.registry,
      ref.repository, parent));
  return {};
}

}  // namespace entrepot::metadata
