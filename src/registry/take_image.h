#pragma once

// How an image leaves a repository, whoever asks for it: a caller, or collection for an artifact whose
// subject is gone (design-storage 1.7, 1.9).

#include <string>
#include <vector>

#include "events/outbox.h"
#include "metadata/repositories.h"
#include "registry/grace.h"

namespace entrepot::registry {

/// Takes the manifest, its references and every tag on it, and returns those tags. What only it referred to
/// is held for its grace; artifacts that name it as their subject follow later. It is announced. The caller
/// has made sure that the image is there and that no index names it.
Result<std::vector<std::string>> TakeImage(metadata::WriteTransaction& transaction,
                                           metadata::RepositoryRef ref, const Digest& digest,
                                           const Grace& grace, const events::Outbox& outbox);

}  // namespace entrepot::registry
