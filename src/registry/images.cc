#include "registry/images.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/log.h"
#include "metadata/blobs.h"
#include "metadata/images.h"
#include "metadata/usage.h"
#include "registry/announce.h"
#include "registry/layers_elsewhere.h"
#include "registry/lines.h"
#include "registry/refs.h"
#include "registry/storage_class.h"
#include "registry/take_image.h"

namespace entrepot::registry {
namespace {

using metadata::RepositoryRef;
using metadata::WriteTransaction;

// "[a, b]", as ECR lists digests in its messages.
std::string ListOf(const std::vector<Digest>& digests) {
  std::string list = "[";
  for (const Digest& digest : digests) list += (list.size() > 1 ? ", " : "") + digest.ToString();
  return list + "]";
}

Result<Digest> DigestOf(const NewImage& image) {
  const HashAlgorithm algorithm = image.digest ? image.digest->algorithm() : HashAlgorithm::kSha256;
  Digest computed = Digest::Of(algorithm, AsBytes(image.content));
  if (image.digest && *image.digest != computed)
    return Fail(Error(ErrorCode::kImageDigestMismatch)
                    .With("digest", computed.ToString())
                    .With("expected", image.digest->ToString()));
  return computed;
}

// Every layer linked and at hand, every child of an index present and active; otherwise the error that lists
// what is missing.
Result<> RequireReferences(WriteTransaction& transaction, const Repository& repository,
                           const Manifest& manifest) {
  const RepositoryRef ref = RefOf(repository);
  std::vector<Digest> missing_layers, missing_images;
  std::vector<const Reference*> in_order;
  for (const Reference& reference : manifest.references) in_order.push_back(&reference);
  std::ranges::sort(in_order, {}, &Reference::digest);  // rows are locked in one order (design-storage 1.8)
  for (const Reference* reference : in_order) {
    if (reference->kind == ReferenceKind::kSubject || reference->elsewhere) continue;
    if (reference->kind == ReferenceKind::kManifest) {
      const auto child = TRY(metadata::FindManifest(transaction.session(), ref, reference->digest));
      if (!child || child->status != ImageStatus::kActive) missing_images.push_back(reference->digest);
    } else if (!TRY(metadata::IsLayerPresent(transaction, ref, reference->digest))) {
      missing_layers.push_back(reference->digest);
    }
  }
  const auto duplicates = [](std::vector<Digest>& digests) {
    digests.erase(std::ranges::unique(digests).begin(), digests.end());
  };
  duplicates(missing_layers);
  duplicates(missing_images);
  if (!missing_layers.empty())
    return Fail(About(repository, ErrorCode::kLayersNotFound).With("digests", ListOf(missing_layers)));
  if (!missing_images.empty())
    return Fail(
        About(repository, ErrorCode::kReferencedImagesNotFound).With("digests", ListOf(missing_images)));
  return {};
}

// What DescribeImages calls imageSizeInBytes: the layers and the config; of an index its largest child.
Result<std::int64_t> ImageSizeOf(WriteTransaction& transaction, RepositoryRef ref, const Manifest& manifest) {
  if (!manifest.is_index) return manifest.layers_size;
  std::int64_t largest = 0;
  for (const Reference& reference : manifest.references) {
    if (reference.kind != ReferenceKind::kManifest) continue;
    const auto child = TRY(metadata::FindManifest(transaction.session(), ref, reference.digest));
    if (child) largest = std::max(largest, child->image_size);
  }
  return largest;
}

Result<> ReferLayers(WriteTransaction& transaction, const Repository& repository, const Manifest& manifest) {
  for (const Reference& reference : manifest.references) {
    if (!IsLayer(reference.kind) || reference.elsewhere) continue;
    TRY(metadata::ReferLink(transaction, RefOf(repository), reference.digest, reference.media_type));
    transaction.Touch(LayerKey(repository.id, reference.digest));
  }
  return {};
}

Result<metadata::ManifestRow> InsertImage(WriteTransaction& transaction, const Repository& repository,
                                          const Digest& digest, const Manifest& manifest,
                                          const std::string& content) {
  const RepositoryRef ref = RefOf(repository);
  TRY(RequireReferences(transaction, repository, manifest));
  metadata::ManifestRow row{
      .digest = digest,
      .media_type = manifest.media_type,
      .size = static_cast<std::int64_t>(content.size()),
      .image_size = TRY(ImageSizeOf(transaction, ref, manifest)),
      .pushed_at = transaction.now(),
      .artifact_type = manifest.artifact_type.empty() ? std::nullopt : std::optional(manifest.artifact_type),
      .subject = manifest.subject,
      .last_pulled_at = std::nullopt};
  TRY(metadata::InsertManifest(transaction, ref, row, content));
  for (const Reference& reference : manifest.references)
    if (!reference.elsewhere)
      TRY(metadata::InsertReference(transaction, ref, digest,
                                    {reference.digest, static_cast<int>(reference.kind)}));
  TRY(ReferLayers(transaction, repository, manifest));
  transaction.Touch(ManifestKey(repository.id, digest));
  return row;
}

// An archived image that is pushed again is active at once: its layers came with the push
// (ecr-semantics 4.7).
Result<> RestoreImage(WriteTransaction& transaction, const Repository& repository, const Digest& digest,
                      const Manifest& manifest, const events::Outbox& outbox) {
  TRY(RequireReferences(transaction, repository, manifest));
  TRY(ReferLayers(transaction, repository, manifest));
  return FinishActivation(transaction, outbox, RefOf(repository), digest);
}

// What was damaged since reads right again.
Result<> MendImage(WriteTransaction& transaction, const Repository& repository, const Digest& digest,
                   const std::string& content) {
  if (!TRY(metadata::MendManifest(transaction, RefOf(repository), digest, content))) return {};
  transaction.Touch(ManifestKey(repository.id, digest));
  log::Warning("a damaged manifest was healed by a push",
               {{"repository", repository.name.str()}, {"digest", digest.ToString()}});
  return {};
}

// Damaged bytes read as absent, so that clients push the image again, which heals it.
bool IsSound(const Repository& repository, const Digest& digest, const std::string& content) {
  if (Digest::Of(digest.algorithm(), AsBytes(content)) == digest) return true;
  log::Error("a manifest is damaged; a push of it heals it",
             {{"repository", repository.name.str()}, {"digest", digest.ToString()}});
  return false;
}

// With the new one already among them.
Result<> CheckImageQuota(WriteTransaction& transaction, const Repository& repository, std::int64_t quota) {
  if (quota == 0) return {};
  const metadata::Usage usage = TRY(metadata::FindUsage(transaction.session(), RefOf(repository)));
  return CheckQuota(quota, usage.manifests,
                    "images in the repository with name '" + repository.name.str() + "'");
}
Result<> CheckTagQuota(WriteTransaction& transaction, const Repository& repository, const Digest& digest,
                       std::int64_t quota) {
  if (quota == 0) return {};
  const auto tags = TRY(metadata::TagsOf(transaction.session(), RefOf(repository), digest));
  return CheckQuota(quota, static_cast<std::int64_t>(tags.size()),
                    "tags on the image with digest '" + digest.ToString() + "'");
}

// Not what the caller's repository says: a change that was answered meanwhile holds.
Result<> RequireMovableTag(WriteTransaction& transaction, const Repository& repository, const ImageTag& tag) {
  const auto row = TRY(metadata::FindTagMutability(transaction, RefOf(repository)));
  if (!row) return Fail(About(repository, ErrorCode::kRepositoryNotFound));
  if (IsTagImmutable(static_cast<TagMutability>(row->mode), SplitLines(row->exclusions), tag.str()))
    return Fail(About(repository, ErrorCode::kImageTagImmutable).With("tag", tag.str()));
  return {};
}

// False when the tag is on that image already.
Result<bool> MoveTag(WriteTransaction& transaction, const Repository& repository, const ImageTag& tag,
                     const Digest& digest) {
  const RepositoryRef ref = RefOf(repository);
  const std::optional<Digest> current = TRY(metadata::FindTag(transaction.session(), ref, tag));
  if (current == digest) return false;
  if (current) TRY(RequireMovableTag(transaction, repository, tag));
  TRY(metadata::PutTag(transaction, ref, tag, digest));
  transaction.Touch(TagKey(repository.id, tag));
  return true;
}

// Nothing may change between what a condition is told and what it allows.
metadata::RepositoryLock LockFor(const ImageCondition& condition) {
  return condition ? metadata::RepositoryLock::kAgainstWrites : metadata::RepositoryLock::kAgainstDeletion;
}

Result<> Require(const ImageCondition& condition, const Repository& repository,
                 const std::optional<Digest>& present) {
  if (!condition || condition(present)) return {};
  return Fail(About(repository, ErrorCode::kPreconditionFailed));
}

// Takes the image and every tag on it, unless an index names it.
Result<Images::Deleted> RemoveImage(WriteTransaction& transaction, const Repository& repository,
                                    const Digest& digest, const Grace& grace, const events::Outbox& outbox) {
  const RepositoryRef ref = RefOf(repository);
  const std::vector<Digest> parents = TRY(metadata::ParentsOf(
      transaction.session(), ref, digest, static_cast<int>(ReferenceKind::kManifest), 100));
  if (!parents.empty())
    return Fail(About(repository, ErrorCode::kImageReferencedByIndex).With("digests", ListOf(parents)));
  Images::Deleted deleted;
  for (std::string& tag : TRY(TakeImage(transaction, ref, digest, grace, outbox)))
    deleted.push_back({digest, std::move(tag)});
  if (deleted.empty()) deleted.push_back({digest, ""});
  return deleted;
}

ImageDetail ToDetail(metadata::ManifestRow row, std::vector<std::string> tags) {
  return {.digest = row.digest,
          .media_type = std::move(row.media_type),
          .artifact_type = std::move(row.artifact_type).value_or(""),
          .manifest_size = row.size,
          .image_size = row.image_size,
          .pushed_at = row.pushed_at,
          .subject = row.subject,
          .status = row.status,
          .last_archived_at = row.last_archived_at,
          .last_activated_at = row.last_activated_at,
          .last_pulled_at = row.last_pulled_at,
          .tags = std::move(tags)};
}

// The cursor of a page of images: pushed_at, digest and tag.
std::string WriteCursor(const metadata::ImageCursor& cursor) {
  return std::to_string(cursor.pushed_at.micros) + " " + cursor.digest.ToString() + " " + cursor.tag;
}
Result<std::optional<metadata::ImageCursor>> ReadCursor(const std::string& text) {
  if (text.empty()) return std::nullopt;
  const std::size_t first = text.find(' '), second = text.find(' ', first + 1);
  if (second == text.npos) return Fail(ErrorCode::kInvalidPageToken);
  const Result<Digest> digest = Digest::Parse(text.substr(first + 1, second - first - 1));
  if (!digest) return Fail(ErrorCode::kInvalidPageToken);
  return metadata::ImageCursor{{std::strtoll(text.c_str(), nullptr, 10)}, *digest, text.substr(second + 1)};
}

// A page of the rows that `keep` makes an entry of. It looks at a bounded number of rows: a page may come out
// short, never slow.
template <class Entry, class Fetch, class CursorOf, class Keep>
Result<Page<Entry>> FilteredPage(const PageRequest& request, Fetch fetch, CursorOf cursor_of, Keep keep) {
  constexpr int kRounds = 10;
  const auto limit = static_cast<std::size_t>(request.limit);
  Page<Entry> page;
  page.entries.reserve(limit);
  std::optional<metadata::ImageCursor> after = TRY(ReadCursor(request.after));
  for (int round = 0; round < kRounds && page.entries.size() < limit; ++round) {
    auto rows = TRY(fetch(after, request.limit + 1));  // one more tells whether there is a next page
    const bool more = rows.size() > limit;
    if (more) rows.pop_back();
    for (auto& row : rows) {
      if (page.entries.size() == limit) {
        page.next = WriteCursor(*after);
        return page;
      }
      after = cursor_of(row);
      if (std::optional<Entry> entry = keep(std::move(row))) page.entries.push_back(*std::move(entry));
    }
    if (!more) return page;
  }
  page.next = WriteCursor(*after);
  return page;
}

}  // namespace

Result<PutImageResult> Images::Put(const Repository& repository, NewImage image) {
  const Manifest manifest = TRY(ParseManifest(image.content, image.declared_media_type));
  if (descriptor_types_ == DescriptorTypes::kWithoutParameters) TRY(RefuseMediaTypeParameters(manifest));
  const Digest digest = TRY(DigestOf(image));
  return store_.Write([&](WriteTransaction& transaction) -> Result<PutImageResult> {
    const RepositoryRef ref = RefOf(repository);
    TRY(RequireRepository(transaction, repository, LockFor(image.condition)));
    PutImageResult result{.digest = digest, .media_type = manifest.media_type, .subject = manifest.subject};
    auto stored = TRY(metadata::FindManifest(transaction.session(), ref, digest));
    if (image.condition && image.digest)
      TRY(Require(image.condition, repository, stored ? image.digest : std::nullopt));
    else if (image.condition)
      TRY(Require(image.condition, repository,
                  TRY(metadata::FindTag(transaction.session(), ref, image.tags.front()))));
    if (!stored) {
      stored = TRY(InsertImage(transaction, repository, digest, manifest, image.content));
      TRY(CheckImageQuota(transaction, repository, quotas_.images));
      result.created = true;
    } else {
      TRY(MendImage(transaction, repository, digest, image.content));
    }
    if (stored->status != ImageStatus::kActive) {
      TRY(RestoreImage(transaction, repository, digest, manifest, outbox_));
      result.restored = true;
    }
    TRY(ReferLayersElsewhere(transaction, ref, digest, manifest));
    std::vector<std::string> moved;
    for (const ImageTag& tag : image.tags)
      if (TRY(MoveTag(transaction, repository, tag, digest))) moved.push_back(tag.str());
    result.tag_moved = !moved.empty();
    if (result.tag_moved) TRY(CheckTagQuota(transaction, repository, digest, quotas_.tags));
    if (result.created || result.restored || result.tag_moved)
      TRY(AnnouncePush(transaction, outbox_, ref, *stored, moved));
    return result;
  });
}

// A version counts only when it was recorded before the transaction began that the value was read in. Which
// manifest a tag is on is therefore learned first, and then tag and manifest are read again, in one
// transaction.
Result<StoredManifestPtr> Images::Get(const Repository& repository, const ImageReference& reference) {
  const RepositoryRef ref = RefOf(repository);
  const std::uint64_t tag_version =
      reference.tag ? caches_.versions.Current(TagKey(repository.id, *reference.tag)) : 0;
  std::optional<Digest> digest =
      TRY(store_.Read([&](metadata::sql::Session& session) { return Resolve(session, ref, reference); }));
  while (digest) {
    const Digest expected = *digest;
    const std::uint64_t version = caches_.versions.Current(ManifestKey(repository.id, expected));
    auto manifest = TRY(
        store_.Read([&](metadata::sql::Session& session) -> Result<std::optional<metadata::ManifestContent>> {
          digest = TRY(Resolve(session, ref, reference));
          if (digest != expected) return std::nullopt;
          return metadata::ReadManifest(session, ref, expected);
        }));
    if (digest != expected) continue;  // the tag has moved meanwhile
    if (!manifest || !IsSound(repository, expected, manifest->content)) break;
    if (manifest->status != ImageStatus::kActive)
      return Fail(About(repository, ErrorCode::kImageArchived).With("digest", expected.ToString()));
    auto stored = std::make_shared<const StoredManifest>(
        expected, std::move(manifest->media_type),
        std::make_shared<const std::string>(std::move(manifest->content)));
    caches_.PutManifest(repository.id, stored, version);
    if (reference.tag) caches_.PutTag(repository.id, *reference.tag, expected, tag_version);
    return stored;
  }
  return ImageNotFound(repository, reference);
}

StoredManifestPtr Images::TryGet(const Repository& repository, std::string_view reference) {
  if (reference.find(':') != reference.npos) {
    const Result<Digest> digest = Digest::Parse(reference);
    return digest ? caches_.FindManifest(repository.id, *digest) : nullptr;
  }
  const std::shared_ptr<const Digest> digest = caches_.FindTag(repository.id, reference);
  return digest ? caches_.FindManifest(repository.id, *digest) : nullptr;
}

Result<ImageDetail> Images::Describe(const Repository& repository, const ImageReference& reference) {
  auto detail = TRY(store_.Read([&](metadata::sql::Session& session) -> Result<std::optional<ImageDetail>> {
    const RepositoryRef ref = RefOf(repository);
    const std::optional<Digest> digest = TRY(Resolve(session, ref, reference));
    if (!digest) return std::nullopt;
    auto row = TRY(metadata::FindManifest(session, ref, *digest));
    if (!row) return std::nullopt;
    return ToDetail(std::move(*row), TRY(metadata::TagsOf(session, ref, *digest)));
  }));
  if (!detail) return ImageNotFound(repository, reference);
  return std::move(*detail);
}

Result<Page<ImageDetail>> Images::List(const Repository& repository, const ImageFilter& filter,
                                       const PageRequest& request) {
  return store_.Read([&](metadata::sql::Session& session) {
    return FilteredPage<ImageDetail>(
        request,
        [&](const auto& after, int limit) {
          return metadata::ListImages(session, RefOf(repository), after, limit);
        },
        [](const metadata::ImageRow& row) {
          return metadata::ImageCursor{row.manifest.pushed_at, row.manifest.digest, ""};
        },
        [&](metadata::ImageRow row) -> std::optional<ImageDetail> {
          if (!filter.Admits(!row.tags.empty(), row.manifest.status)) return std::nullopt;
          return ToDetail(std::move(row.manifest), std::move(row.tags));
        });
  });
}

Result<Page<Images::ImageId>> Images::ListIds(const Repository& repository, const ImageFilter& filter,
                                              const PageRequest& request) {
  return store_.Read([&](metadata::sql::Session& session) {
    return FilteredPage<ImageId>(
        request,
        [&](const auto& after, int limit) {
          return metadata::ListImageIds(session, RefOf(repository), after, limit);
        },
        [](const metadata::ImageIdRow& row) { return row.id; },
        [&](metadata::ImageIdRow row) -> std::optional<ImageId> {
          if (!filter.Admits(!row.id.tag.empty(), row.status)) return std::nullopt;
          return ImageId{row.id.digest, std::move(row.id.tag)};
        });
  });
}

Result<Page<std::string>> Images::ListTags(const Repository& repository, const PageRequest& request) {
  return store_.Read([&](metadata::sql::Session& session) -> Result<Page<std::string>> {
    auto rows = TRY(metadata::ListTags(session, RefOf(repository), request.after, request.limit + 1));
    Page<std::string> page;
    if (rows.size() > static_cast<std::size_t>(request.limit)) {
      rows.pop_back();
      if (!rows.empty()) page.next = rows.back().tag;
    }
    for (metadata::ImageTagRow& row : rows)
      if (row.active) page.entries.push_back(std::move(row.tag));
    return page;
  });
}

Result<Images::Deleted> Images::Delete(const Repository& repository, const ImageReference& reference,
                                       bool last_tag_takes_image, const ImageCondition& condition) {
  return store_.Write([&](WriteTransaction& transaction) -> Result<Deleted> {
    const RepositoryRef ref = RefOf(repository);
    TRY(RequireRepository(transaction, repository, LockFor(condition)));
    if (!reference.tag) {
      if (!TRY(metadata::FindManifest(transaction.session(), ref, *reference.digest)))
        return ImageNotFound(repository, reference);
      TRY(Require(condition, repository, reference.digest));
      return RemoveImage(transaction, repository, *reference.digest, grace_, outbox_);
    }
    const std::optional<Digest> tagged = TRY(metadata::FindTag(transaction.session(), ref, *reference.tag));
    if (!tagged) return ImageNotFound(repository, reference);
    if (reference.digest && *reference.digest != *tagged)
      return Fail(About(repository, ErrorCode::kImageTagDigestMismatch));
    TRY(Require(condition, repository, tagged));
    const bool last = TRY(metadata::TagsOf(transaction.session(), ref, *tagged)).size() == 1;
    if (last && last_tag_takes_image) return RemoveImage(transaction, repository, *tagged, grace_, outbox_);
    TRY(metadata::DeleteTag(transaction, ref, *reference.tag));
    transaction.Touch(TagKey(repository.id, *reference.tag));
    if (outbox_.enabled()) {
      const auto image = TRY(metadata::FindManifest(transaction.session(), ref, *tagged));
      if (image) TRY(AnnounceDelete(transaction, outbox_, ref, *image, {reference.tag->str()}));
    }
    return Deleted{{*tagged, reference.tag->str()}};
  });
}

}  // namespace entrepot::registry
