#pragma once

// What becomes of a blob whose stored bytes failed their check twice (design-storage 1.11).

#include <cstdint>

#include "base/bytes.h"
#include "metadata/store.h"

namespace entrepot::registry {

/// From here on the blob reads as absent, in every repository and in every cache; its file stays where it is
/// for kQuarantine, and the next push of its content heals what is linked to it (1.1). False when it is not
/// live any more. The caller is sure: what cannot be read is not known to be damaged.
Result<bool> SetAside(metadata::Store& store, std::int64_t registry, Bytes file_id);

}  // namespace entrepot::registry
