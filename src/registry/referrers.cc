#include "registry/referrers.h"

#include <algorithm>
#include <optional>

#include "base/check.h"
#include "metadata/images.h"
#include "registry/manifest.h"
#include "registry/refs.h"

namespace entrepot::registry {
namespace {

constexpr int kRounds = 10;
// Rows looked at in one round of a filtered list.
constexpr int kFilteredRows = 1000;
// What a page reads of manifests, but for its first: an answer is itself no larger than a manifest may be.
constexpr auto kPageBytes = static_cast<std::int64_t>(kMaxManifestBytes);

Result<std::optional<Digest>> ReadCursor(const std::string& text) {
  if (text.empty()) return std::nullopt;
  const Result<Digest> digest = Digest::Parse(text);
  if (!digest) return Fail(ErrorCode::kInvalidPageToken);
  return *digest;
}

/// Its annotations are in the manifest itself.
Result<Referrer> Describe(metadata::sql::Session& session, metadata::RepositoryRef ref,
                          const metadata::ManifestRow& row) {
  const auto stored = TRY(metadata::ReadManifest(session, ref, row.digest));
  if (!stored) return Fail(ErrorCode::kDamaged, "a manifest has a row and no content");
  Manifest manifest = TRY(ParseManifest(stored->content, row.media_type));
  return Referrer{
      row.digest, row.media_type, row.size, row.artifact_type.value_or(""), std::move(manifest.annotations),
      row.status};
}

}  // namespace

Result<Page<Referrer>> Referrers::List(const Repository& repository, const Digest& subject,
                                       const ReferrerFilter& filter, const PageRequest& request) {
  CHECK(request.limit > 0);
  const std::optional<Digest> start = TRY(ReadCursor(request.after));
  const std::span types = filter.artifact_types;
  const int rows_a_round = types.empty() ? request.limit + 1 : kFilteredRows;
  const auto is_wanted = [&](const metadata::ManifestRow& row) {
    return (!filter.status || row.status == *filter.status) &&
           (types.empty() || std::ranges::find(types, row.artifact_type.value_or("")) != types.end());
  };
  return store_.Read([&](metadata::sql::Session& session) -> Result<Page<Referrer>> {
    const metadata::RepositoryRef ref = RefOf(repository);
    Page<Referrer> page;
    std::optional<Digest> after = start;
    std::int64_t bytes = 0;
    for (int round = 0; round < kRounds; ++round) {
      const auto rows = TRY(metadata::ListReferrers(session, ref, subject, after, rows_a_round));
      for (const metadata::ManifestRow& row : rows) {
        if (is_wanted(row)) {
          const bool is_full = page.entries.size() == static_cast<std::size_t>(request.limit) ||
                               (!page.entries.empty() && bytes + row.size > kPageBytes);
          if (is_full) {
            page.next = after->ToString();
            return page;
          }
          page.entries.push_back(TRY(Describe(session, ref, row)));
          bytes += row.size;
        }
        after = row.digest;
      }
      if (rows.size() < static_cast<std::size_t>(rows_a_round)) return page;
    }
    page.next = after->ToString();
    return page;
  });
}

}  // namespace entrepot::registry
