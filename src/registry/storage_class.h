#pragma once

// Storage classes: an archived image is kept but cannot be pulled, and the layers that only archived images
// need go to the archive; activated, they come back, and then the image (design-storage 1.15,
// ecr-semantics 4.7). What changes in a transaction is here; registry/archivist.h carries it through behind.

#include <vector>

#include "events/outbox.h"
#include "metadata/images.h"
#include "metadata/store.h"
#include "registry/image_reference.h"
#include "registry/repository.h"

namespace entrepot::registry {

using metadata::ImageStatus;

enum class StorageClass { kStandard, kArchive };

/// Safe from any thread; calls block on the store.
class StorageClasses {
 public:
  StorageClasses(metadata::Store& store, const events::Outbox& outbox) : store_(store), outbox_(outbox) {}

  /// Archives the image at once, or begins to activate it, and returns its status then.
  ///   kImageNotFound; kStorageClassNotSupported when it has that class or is being activated, or when an
  ///   index that is not archived names it
  Result<ImageStatus> Update(const Repository& repository, const ImageReference& reference,
                             StorageClass target);

 private:
  metadata::Store& store_;
  const events::Outbox& outbox_;
};

// ---- inside a transaction, by the domain; what is done is announced

/// An active image is archived: it and the layers that no other image needs are out of reach from now on.
Result<> ArchiveImage(metadata::WriteTransaction& transaction, const events::Outbox& outbox,
                      metadata::RepositoryRef ref, const Digest& image);
/// An archived image is to become active, and so are the archived images that it names as an index.
Result<> BeginActivation(metadata::WriteTransaction& transaction, metadata::RepositoryRef ref,
                         const Digest& image);
/// Everything that the image names is at hand.
Result<> FinishActivation(metadata::WriteTransaction& transaction, const events::Outbox& outbox,
                          metadata::RepositoryRef ref, const Digest& image);
/// Puts a layer out of reach if only archived images name it now.
Result<> ParkLayer(metadata::WriteTransaction& transaction, metadata::RepositoryRef ref, const Digest& layer);

}  // namespace entrepot::registry
