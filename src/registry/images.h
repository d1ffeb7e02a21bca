#pragma once

// Images: manifests, the tags on them, and what refers to what. Safe from any thread; calls block on the
// store except the Try forms.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/page.h"
#include "events/outbox.h"
#include "metadata/images.h"
#include "metadata/store.h"
#include "registry/caches.h"
#include "registry/grace.h"
#include "registry/image_reference.h"
#include "registry/manifest.h"
#include "registry/quotas.h"
#include "registry/repository.h"

namespace entrepot::registry {

using metadata::ImageStatus;

struct ImageDetail {
  Digest digest;
  std::string media_type;
  std::string artifact_type;
  std::int64_t manifest_size = 0;
  std::int64_t image_size = 0;  // config and layers; of an index the largest child
  Timestamp pushed_at;
  std::optional<Digest> subject;
  ImageStatus status = ImageStatus::kActive;
  std::optional<Timestamp> last_archived_at, last_activated_at;
  std::optional<Timestamp> last_pulled_at;  // as it was last written (pulls.h)
  std::vector<std::string> tags;            // ascending
};

enum class TagStatus { kAny, kTagged, kUntagged };

/// Which images a list has.
struct ImageFilter {
  TagStatus tags = TagStatus::kAny;
  std::optional<ImageStatus> status = ImageStatus::kActive;  // nothing = any

  bool Admits(bool tagged, ImageStatus image_status) const {
    return (tags == TagStatus::kAny || (tags == TagStatus::kTagged) == tagged) &&
           (!status || *status == image_status);
  }
};

struct NewImage {
  std::string content;              // the exact bytes
  std::string declared_media_type;  // "" when the request said nothing
  std::optional<Digest>
      digest;  // as the caller computed it; with another algorithm than sha256 it is the image's own
  std::vector<ImageTag> tags;
  ImageCondition condition = {};  // of the image that has the digest, when one was given, else the first tag
};

struct PutImageResult {
  Digest digest;
  std::string media_type;
  std::optional<Digest> subject;
  bool created = false;    // this digest was not in the repository
  bool restored = false;   // it was archived and is active again
  bool tag_moved = false;  // a tag was new or on another digest
};

/// Which media types a manifest may give its descriptors and itself as an artifact (design.md 5).
enum class DescriptorTypes { kAny, kWithoutParameters };

class Images {
 public:
  Images(metadata::Store& store, Caches& caches, const Grace& grace, const events::Outbox& outbox,
         const Quotas& quotas = {}, DescriptorTypes descriptor_types = DescriptorTypes::kAny)
      : store_(store),
        caches_(caches),
        grace_(grace),
        outbox_(outbox),
        quotas_(quotas),
        descriptor_types_(descriptor_types) {}

  /// Stores the manifest and puts the tags on it, in one transaction (ecr-semantics 4.4). The same digest
  /// again, with no tag or with tags that are on it already, changes nothing and is no error here: created,
  /// restored and tag_moved are false, and the API door makes kImageAlreadyExists of that. An archived image
  /// is active again when its layers are at hand.
  ///   kManifest…, kImageDigestMismatch, kPreconditionFailed, kLayersNotFound, kReferencedImagesNotFound,
  ///   kImageTagImmutable, kLimitExceeded
  Result<PutImageResult> Put(const Repository& repository, NewImage image);

  /// kImageNotFound (also when digest and tag mean different images); kImageArchived.
  Result<StoredManifestPtr> Get(const Repository& repository, const ImageReference& reference);
  /// From memory, or nullptr. For event loops.
  StoredManifestPtr TryGet(const Repository& repository, std::string_view reference);

  /// kImageNotFound naming what was asked for.
  Result<ImageDetail> Describe(const Repository& repository, const ImageReference& reference);
  /// Newest first, then by digest. A page may be shorter than asked for.
  Result<Page<ImageDetail>> List(const Repository& repository, const ImageFilter& filter,
                                 const PageRequest& request);
  /// One entry per tag, and one without a tag per untagged image, in the order of List.
  struct ImageId {
    Digest digest;
    std::string tag;  // "" for an untagged image
  };
  Result<Page<ImageId>> ListIds(const Repository& repository, const ImageFilter& filter,
                                const PageRequest& request);
  /// Tags of active images, ascending. For tags/list. A page may be shorter than asked for.
  Result<Page<std::string>> ListTags(const Repository& repository, const PageRequest& request);

  /// What a deletion took away: one entry per tag that went, one without a tag when there was none.
  using Deleted = std::vector<ImageId>;
  /// By digest: the image and every tag on it. By tag (or both): the tag, and the image with its last tag
  /// when `last_tag_takes_image`.
  ///   kImageNotFound, kImageTagDigestMismatch, kPreconditionFailed, kImageReferencedByIndex (the image would
  ///   go, and an index names it)
  Result<Deleted> Delete(const Repository& repository, const ImageReference& reference,
                         bool last_tag_takes_image, const ImageCondition& condition = {});

 private:
  metadata::Store& store_;
  Caches& caches_;
  const Grace& grace_;
  const events::Outbox& outbox_;
  const Quotas quotas_;
  const DescriptorTypes descriptor_types_;
};

}  // namespace entrepot::registry
