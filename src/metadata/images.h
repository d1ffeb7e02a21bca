#pragma once

// Rows of manifests, tags and references.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "metadata/repositories.h"

namespace entrepot::metadata {

/// Stored. What is not active cannot be pulled.
enum class ImageStatus : std::int8_t { kActive = 1, kArchived = 2, kActivating = 3 };

struct ManifestRow {
  Digest digest;
  std::string media_type;
  std::int64_t size = 0;
  std::int64_t image_size = 0;
  Timestamp pushed_at;
  std::optional<std::string> artifact_type;
  std::optional<Digest> subject;
  ImageStatus status = ImageStatus::kActive;
  std::optional<Timestamp> last_archived_at, last_activated_at;
  std::optional<Timestamp> last_pulled_at;  // InsertManifest does not write it
};

struct ManifestContent {
  Digest digest;
  ImageStatus status = ImageStatus::kActive;
  std::string media_type;
  std::string content;
};

/// Where a list of images goes on: behind this image, newest first (and behind this tag of it).
struct ImageCursor {
  Timestamp pushed_at;
  Digest digest;
  std::string tag;
};

struct ImageIdRow {
  ImageCursor id;
  ImageStatus status = ImageStatus::kActive;
};

Result<std::optional<ManifestRow>> FindManifest(sql::Session& session, RepositoryRef ref,
                                                const Digest& digest);
Result<std::optional<ManifestContent>> ReadManifest(sql::Session& session, RepositoryRef ref,
                                                    const Digest& digest);
/// True when other bytes were stored than the digest's, which `content` are.
Result<bool> MendManifest(WriteTransaction& transaction, RepositoryRef ref, const Digest& digest,
                          std::string_view content);
/// False when the digest is there already.
Result<bool> InsertManifest(WriteTransaction& transaction, RepositoryRef ref, const ManifestRow& row,
                            std::string_view content);
Result<> DeleteManifest(WriteTransaction& transaction, RepositoryRef ref, const Digest& digest);
/// Unless it was pulled after `unless_since`, as far as is written, or is gone.
Result<> SetLastPulled(WriteTransaction& transaction, RepositoryRef ref, const Digest& digest,
                       Timestamp pulled_at, Timestamp unless_since);
Result<bool> HasManifests(sql::Session& session, RepositoryRef ref);

/// Images with their tags (ascending), newest first, then by digest. In a transaction that sees one state.
struct ImageRow {
  ManifestRow manifest;
  std::vector<std::string> tags;
};
Result<std::vector<ImageRow>> ListImages(sql::Session& session, RepositoryRef ref,
                                         const std::optional<ImageCursor>& after, int limit);
/// One row a tag, and one with tag "" for an untagged image, in the same order.
Result<std::vector<ImageIdRow>> ListImageIds(sql::Session& session, RepositoryRef ref,
                                             const std::optional<ImageCursor>& after, int limit);

/// Manifests with that subject, behind the digest `after`, by digest.
Result<std::vector<ManifestRow>> ListReferrers(sql::Session& session, RepositoryRef ref,
                                               const Digest& subject, const std::optional<Digest>& after,
                                               int limit);

Result<std::optional<Digest>> FindTag(sql::Session& session, RepositoryRef ref, std::string_view tag);
Result<> PutTag(WriteTransaction& transaction, RepositoryRef ref, std::string_view tag, const Digest& digest);
Result<> DeleteTag(WriteTransaction& transaction, RepositoryRef ref, std::string_view tag);
/// The tags on an image, ascending.
Result<std::vector<std::string>> TagsOf(sql::Session& session, RepositoryRef ref, const Digest& digest);
struct ImageTagRow {
  std::string tag;
  bool active = true;  // the image it is on is
};
/// Tags after `after`, ascending by byte.
Result<std::vector<ImageTagRow>> ListTags(sql::Session& session, RepositoryRef ref, std::string_view after,
                                          int limit);

struct ReferenceRow {
  Digest child;
  int kind = 0;
};
Result<> InsertReference(WriteTransaction& transaction, RepositoryRef ref, const Digest& parent,
                         const ReferenceRow& reference);
Result<std::vector<ReferenceRow>> ReferencesOf(sql::Session& session, RepositoryRef ref,
                                               const Digest& parent);
/// The parents that name `child` in that way, at most `limit`; those that are archived come last.
Result<std::vector<Digest>> ParentsOf(sql::Session& session, RepositoryRef ref, const Digest& child, int kind,
                                      int limit);
/// Whether any manifest names `child` as its config or a layer.
Result<bool> IsLayerReferenced(sql::Session& session, RepositoryRef ref, const Digest& child);
/// Notes that the subject is gone, for the artifacts that name it.
Result<> EndSubject(WriteTransaction& transaction, RepositoryRef ref, const Digest& subject, Timestamp due);
struct EndedSubject {
  RepositoryRef ref;
  Digest subject;
  Timestamp ended_at;
};
Result<std::vector<EndedSubject>> ListEndedSubjects(sql::Session& session, Timestamp now, int limit);
/// Artifacts that named the subject before it ended, and that no index names: at most `limit`.
Result<std::vector<Digest>> ReferrersOfEnded(sql::Session& session, const EndedSubject& ended, int limit);
Result<> ForgetEndedSubject(WriteTransaction& transaction, const EndedSubject& ended);
Result<> DeleteReferencesOf(WriteTransaction& transaction, RepositoryRef ref, const Digest& parent);

}  // namespace entrepot::metadata
