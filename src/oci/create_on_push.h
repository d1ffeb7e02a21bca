#pragma once

// A push to a repository that is not there, where a template says that pushes may make it
// (ecr-semantics 4.14).

#include "base/result.h"
#include "oci/call.h"

namespace entrepot::oci {

/// The call's repository, made now, for a call that begins a push by a caller who may also create it.
/// `missing`, the error of looking it up, comes back where no template is for it; kAccessDenied for a caller
/// who may push and not create.
Result<registry::RepositoryPtr> CreateOnPush(const Rooms& rooms, const Call& call, Error missing);

}  // namespace entrepot::oci
