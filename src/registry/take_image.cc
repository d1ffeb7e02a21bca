#include "registry/take_image.h"

#include "metadata/blobs.h"
#include "metadata/images.h"
#include "registry/announce.h"
#include "registry/caches.h"
#include "registry/manifest.h"
#include "registry/storage_class.h"

namespace entrepot::registry {
namespace {

using metadata::RepositoryRef;
using metadata::WriteTransaction;

Result<std::vector<std::string>> TakeTags(WriteTransaction& transaction, RepositoryRef ref,
                                          const Digest& digest) {
  std::vector<std::string> tags = TRY(metadata::TagsOf(transaction.session(), ref, digest));
  for (const std::string& tag : tags) {
    TRY(metadata::DeleteTag(transaction, ref, tag));
    transaction.Touch(TagKey(RepositoryId(ref.repository), tag));
  }
  return tags;
}

// Announces the end of an image that is still there.
Result<> AnnounceEnd(WriteTransaction& transaction, RepositoryRef ref, const Digest& digest,
                     const std::vector<std::string>& tags, const events::Outbox& outbox) {
  if (!outbox.enabled()) return {};
  const auto image = TRY(metadata::FindManifest(transaction.session(), ref, digest));
  return image ? AnnounceDelete(transaction, outbox, ref, *image, tags) : Result<>();
}

}  // namespace

Result<std::vector<std::string>> TakeImage(WriteTransaction& transaction, RepositoryRef ref,
                                           const Digest& digest, const Grace& grace,
                                           const events::Outbox& outbox) {
  const auto repository = RepositoryId(ref.repository);
  std::vector<std::string> tags = TRY(TakeTags(transaction, ref, digest));
  TRY(AnnounceEnd(transaction, ref, digest, tags, outbox));
  const std::vector<metadata::ReferenceRow> references =
      TRY(metadata::ReferencesOf(transaction.session(), ref, digest));
  TRY(metadata::DeleteReferencesOf(transaction, ref, digest));
  TRY(metadata::DeleteManifest(transaction, ref, digest));
  transaction.Touch(ManifestKey(repository, digest));
  for (const metadata::ReferenceRow& reference : references) {
    if (!IsLayer(ReferenceKind(reference.kind))) continue;
    if (TRY(metadata::IsLayerReferenced(transaction.session(), ref, reference.child))) {
      TRY(ParkLayer(transaction, ref, reference.child));
      continue;
    }
    TRY(metadata::ReleaseLink(transaction, ref, reference.child, transaction.store_time() + grace.hold()));
    transaction.Touch(LayerKey(repository, reference.child));
  }
  const bool is_subject = !TRY(metadata::ParentsOf(transaction.session(), ref, digest,
                                                   static_cast<int>(ReferenceKind::kSubject), 1))
                               .empty();
  if (is_subject)
    TRY(metadata::EndSubject(transaction, ref, digest, transaction.store_time() + grace.referrers_stay()));
  return tags;
}

}  // namespace entrepot::registry
