#include "registry/storage_class.h"

#include "metadata/blobs.h"
#include "metadata/storage_class.h"
#include "registry/announce.h"
#include "registry/caches.h"
#include "registry/manifest.h"

namespace entrepot::registry {
namespace {

using metadata::RepositoryRef;
using metadata::WriteTransaction;

std::unexpected<Error> NotSupported(const Repository& repository, const Digest& image, std::string detail) {
  return Fail(About(repository, ErrorCode::kStorageClassNotSupported)
                  .With("digest", image.ToString())
                  .With("detail", std::move(detail)));
}

Result<> RequireChange(const Repository& repository, const metadata::ManifestRow& image,
                       StorageClass target) {
  if (image.status == ImageStatus::kActivating)
    return NotSupported(repository, image.digest, "the image is being activated");
  const ImageStatus already =
      target == StorageClass::kArchive ? ImageStatus::kArchived : ImageStatus::kActive;
  if (image.status == already)
    return NotSupported(repository, image.digest, "the image has this storage class already");
  return {};
}

// The status that the image has just got.
Result<> Announce(WriteTransaction& transaction, const events::Outbox& outbox, RepositoryRef ref,
                  const Digest& image) {
  if (!outbox.enabled()) return {};
  const auto row = TRY(metadata::FindManifest(transaction.session(), ref, image));
  if (row->status == ImageStatus::kArchived)
    return AnnounceStorageClass(transaction, outbox, ref, *row, "ARCHIVE", std::nullopt);
  return AnnounceStorageClass(transaction, outbox, ref, *row, "STANDARD", row->last_activated_at);
}

}  // namespace

Result<ImageStatus> StorageClasses::Update(const Repository& repository, const ImageReference& reference,
                                           StorageClass target) {
  return store_.Write([&](WriteTransaction& transaction) -> Result<ImageStatus> {
    const RepositoryRef ref = RefOf(repository);
    TRY(RequireRepository(transaction, repository));
    const auto digest = TRY(Resolve(transaction.session(), ref, reference));
    const auto image = digest ? TRY(metadata::FindManifest(transaction.session(), ref, *digest))
                              : std::optional<metadata::ManifestRow>();
    if (!image) return ImageNotFound(repository, reference);
    TRY(RequireChange(repository, *image, target));
    if (target == StorageClass::kStandard) {
      TRY(BeginActivation(transaction, ref, *digest));
      return ImageStatus::kActivating;
    }
    if (!TRY(metadata::IndexesInUseOf(transaction.session(), ref, *digest, 1)).empty())
      return NotSupported(repository, *digest, "an index that is not archived refers to the image");
    TRY(ArchiveImage(transaction, outbox_, ref, *digest));
    return ImageStatus::kArchived;
  });
}

Result<> ArchiveImage(WriteTransaction& transaction, const events::Outbox& outbox, RepositoryRef ref,
                      const Digest& image) {
  TRY(metadata::SetImageStatus(transaction, ref, image, ImageStatus::kArchived));
  transaction.Touch(ManifestKey(RepositoryId(ref.repository), image));
  TRY(Announce(transaction, outbox, ref, image));
  for (const metadata::ReferenceRow& reference :
       TRY(metadata::ReferencesOf(transaction.session(), ref, image)))
    if (IsLayer(ReferenceKind(reference.kind))) TRY(ParkLayer(transaction, ref, reference.child));
  return metadata::AddStorageClassChange(transaction, ref, image);
}

Result<> BeginActivation(WriteTransaction& transaction, RepositoryRef ref, const Digest& image) {
  TRY(metadata::SetImageStatus(transaction, ref, image, ImageStatus::kActivating));
  for (const metadata::ReferenceRow& reference :
       TRY(metadata::ReferencesOf(transaction.session(), ref, image))) {
    if (ReferenceKind(reference.kind) != ReferenceKind::kManifest) continue;
    const auto child = TRY(metadata::FindManifest(transaction.session(), ref, reference.child));
    if (child && child->status == ImageStatus::kArchived)
      TRY(BeginActivation(transaction, ref, reference.child));
  }
  return metadata::AddStorageClassChange(transaction, ref, image);
}

Result<> FinishActivation(WriteTransaction& transaction, const events::Outbox& outbox, RepositoryRef ref,
                          const Digest& image) {
  TRY(metadata::SetImageStatus(transaction, ref, image, ImageStatus::kActive));
  transaction.Touch(ManifestKey(RepositoryId(ref.repository), image));
  TRY(Announce(transaction, outbox, ref, image));
  return metadata::AddStorageClassChange(transaction, ref, image);
}

Result<> ParkLayer(WriteTransaction& transaction, RepositoryRef ref, const Digest& layer) {
  if (!TRY(metadata::IsLayerReferenced(transaction.session(), ref, layer))) return {};
  if (TRY(metadata::IsLayerNeeded(transaction.session(), ref, layer))) return {};
  if (!TRY(metadata::SetLinkArchived(transaction, ref, layer, true))) return {};
  transaction.Touch(LayerKey(RepositoryId(ref.repository), layer));
  const auto link = TRY(metadata::FindLink(transaction.session(), ref, layer));
  return metadata::AddArchiveCandidate(transaction, ref.registry, link->blob.file_id,
                                       transaction.store_time());
}

}  // namespace entrepot::registry
