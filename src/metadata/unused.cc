#include "metadata/unused.h"

#include <algorithm>

namespace entrepot::metadata {
namespace {

Result<std::optional<Timestamp>> Latest(sql::Session& session, std::string_view query, RepositoryRef ref) {
  sql::Cursor row = TRY(session.Query(query, ref.registry, ref.repository));
  if (!TRY(row.Next())) return std::nullopt;
  return row.OptionalTime(0);
}

}  // namespace

Timestamp RepositoryActivity::last() const {
  return std::max({created_at, last_push.value_or(created_at), last_pull.value_or(created_at)});
}

Result<std::vector<RepositoryActivity>> ListActivity(sql::Session& session, RepositoryRef after, int limit) {
  std::vector<RepositoryActivity> list;
  for (NamedUsage& usage : TRY(ListUsage(session, after, limit))) {
    RepositoryActivity activity{.usage = std::move(usage)};
    const RepositoryRef ref = activity.usage.ref;
    const auto created =
        TRY(Latest(session, "SELECT created_at FROM repositories WHERE registry = $1 AND id = $2", ref));
    activity.created_at = created.value_or(Timestamp{});
    activity.last_push = TRY(Latest(session,
                                    "SELECT pushed_at FROM manifests WHERE registry = $1 AND repository = $2"
                                    " ORDER BY pushed_at DESC LIMIT 1",
                                    ref));
    activity.last_pull =
        TRY(Latest(session,
                   "SELECT last_pulled_at FROM manifests WHERE registry = $1 AND repository = $2"
                   " AND last_pulled_at IS NOT NULL ORDER BY last_pulled_at DESC LIMIT 1",
                   ref));
    list.push_back(std::move(activity));
  }
  return list;
}

Result<std::vector<UnusedImage>> ListUnusedImages(sql::Session& session, RepositoryRef ref, Timestamp since,
                                                  const std::optional<ImageCursor>& after, int limit) {
  std::vector<UnusedImage> images;
  {
    sql::Cursor row = TRY(session.Query(
        "SELECT m.digest, m.pushed_at, m.last_pulled_at FROM manifests m WHERE m.registry = $1"
        " AND m.repository = $2 AND m.pushed_at <= $3 AND (m.pushed_at < $3 OR m.digest > $4)"
        " AND m.pushed_at < $5 AND (m.last_pulled_at IS NULL OR m.last_pulled_at < $5) AND m.subject IS NULL"
        " AND NOT EXISTS (SELECT 1 FROM manifest_references p WHERE p.registry = m.registry"
        "   AND p.repository = m.repository AND p.child = m.digest AND p.kind = 3)"
        " ORDER BY m.pushed_at DESC, m.digest LIMIT $6",
        ref.registry, ref.repository, after ? after->pushed_at : since,
        after ? after->digest.ToStored() : ByteVector{}, since, limit));
    while (TRY(row.Next()))
      images.push_back({.digest = TRY(row.StoredDigest(0)),
                        .pushed_at = row.Time(1),
                        .last_pulled_at = row.OptionalTime(2),
                        .tags = {}});
  }
  for (UnusedImage& image : images) {
    image.tags = TRY(TagsOf(session, ref, image.digest));
    image.freed = TRY(CountImageUsage(session, ref, image.digest)).unique_bytes;
  }
  return images;
}

}  // namespace entrepot::metadata
