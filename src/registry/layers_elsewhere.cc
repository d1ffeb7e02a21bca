#include "registry/layers_elsewhere.h"

#include "metadata/blobs.h"
#include "metadata/images.h"
#include "registry/caches.h"

namespace entrepot::registry {

Result<> ReferLayersElsewhere(metadata::WriteTransaction& transaction, metadata::RepositoryRef ref,
                              const Digest& image, const Manifest& manifest) {
  for (const Reference& reference : manifest.references) {
    if (!reference.elsewhere || !TRY(metadata::IsLayerPresent(transaction, ref, reference.digest))) continue;
    TRY(metadata::InsertReference(transaction, ref, image,
                                  {reference.digest, static_cast<int>(reference.kind)}));
    TRY(metadata::ReferLink(transaction, ref, reference.digest, reference.media_type));
    transaction.Touch(LayerKey(RepositoryId(ref.repository), reference.digest));
  }
  return {};
}

}  // namespace entrepot::registry
