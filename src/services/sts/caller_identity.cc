#include "services/sts/sts.h"

namespace entrepot::sts {

Result<GetCallerIdentityResponse> GetCallerIdentity(Sts&, const aws::CallContext& call,
                                                    const GetCallerIdentityRequest&) {
  return GetCallerIdentityResponse{
      .account = call.account.str(), .arn = call.caller->arn, .user_id = call.caller->unique_id};
}

}  // namespace entrepot::sts
