#pragma once

// What nobody needs any more, by when it was last pushed and pulled: for reports. Times of pulls are as of
// their last flush.

#include <optional>
#include <string>
#include <vector>

#include "metadata/images.h"
#include "metadata/usage.h"

namespace entrepot::metadata {

struct RepositoryActivity {
  NamedUsage usage;
  Timestamp created_at;
  std::optional<Timestamp> last_push, last_pull;  // of any image it has now

  /// When anything last happened to it.
  Timestamp last() const;
};
/// Repositories behind `after`, by registry and id.
Result<std::vector<RepositoryActivity>> ListActivity(sql::Session& session, RepositoryRef after, int limit);

struct UnusedImage {
  Digest digest;
  Timestamp pushed_at;
  std::optional<Timestamp> last_pulled_at;
  std::vector<std::string> tags;
  std::int64_t freed = 0;  // bytes that would go with it alone
};
/// Images that were neither pushed nor pulled since, newest first; behind `after`. Children of an index and
/// artifacts with a subject are left out: they go with what names them.
Result<std::vector<UnusedImage>> ListUnusedImages(sql::Session& session, RepositoryRef ref, Timestamp since,
                                                  const std::optional<ImageCursor>& after, int limit);

}  // namespace entrepot::metadata
