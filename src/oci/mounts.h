#pragma once

// Layers that the registry has already, in another repository: linked instead of sent again. A source that is
// not there, may not be read or has no such layer answers alike: false (design-access 6).

#include "base/digest.h"
#include "base/names.h"
#include "base/result.h"
#include "oci/call.h"

namespace entrepot::oci {

/// Whether the call's repository has the layer now, linked from the repository that the client named, which
/// the call then says it read.
Result<bool> MountFrom(const Rooms& rooms, Call& call, const RepositoryName& source, const Digest& digest);

/// The same from any repository that the caller may read, for a caller who may push to the call's; at most 32
/// are looked at.
Result<bool> MountFromAnywhere(const Rooms& rooms, Call& call, const Digest& digest);

}  // namespace entrepot::oci
