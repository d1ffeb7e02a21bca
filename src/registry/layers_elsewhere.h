#pragma once

// Layers whose urls say where they are (nondistributable ones): they need not be here, and those that were
// pushed all the same are held like any other.

#include "metadata/store.h"
#include "registry/manifest.h"
#include "registry/refs.h"

namespace entrepot::registry {

/// Makes those that are here the image's.
Result<> ReferLayersElsewhere(metadata::WriteTransaction& transaction, metadata::RepositoryRef ref,
                              const Digest& image, const Manifest& manifest);

}  // namespace entrepot::registry
