#include "base/encoding.h"
#include "services/ecr/naming.h"

namespace entrepot::ecr {

Result<GetAuthorizationTokenResponse> GetAuthorizationToken(Ecr& ecr, const aws::CallContext& call,
                                                            const GetAuthorizationTokenRequest& request) {
  std::vector<std::string> accounts = request.registry_ids.value_or(std::vector<std::string>{});
  if (accounts.empty()) accounts.push_back(call.account.str());
  std::vector<AuthorizationData> data;
  for (const std::string& account : accounts) {
    const RegistryName registry = RegistryOf(call, account);
    const access::RegistryToken token = TRY(ecr.access.IssueRegistryToken(*call.caller, registry));
    data.push_back({.authorization_token = Base64Encode(AsBytes("AWS:" + token.password)),
                    .expires_at = token.expires_at,
                    .proxy_endpoint = std::string(call.scheme) + "://" + RegistryHost(ecr, call, registry)});
  }
  return GetAuthorizationTokenResponse{.authorization_data = std::move(data)};
}

}  // namespace entrepot::ecr
