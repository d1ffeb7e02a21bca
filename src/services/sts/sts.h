#pragma once

// AWS STS, one for all regions: who is calling. Temporary credentials come with the roles of IAM.

#include "aws/operation.h"
#include "services/sts/model.gen.h"

namespace entrepot::sts {

/// The service keeps nothing: what GetCallerIdentity says is in the call.
struct Sts {};

Result<GetCallerIdentityResponse> GetCallerIdentity(Sts& sts, const aws::CallContext& call,
                                                    const GetCallerIdentityRequest& request);

/// The API as a table. `sts` outlives it.
aws::Service StsService(Sts& sts);

}  // namespace entrepot::sts
