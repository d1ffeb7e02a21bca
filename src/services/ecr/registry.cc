#include "services/ecr/naming.h"

namespace entrepot::ecr {

Result<DescribeRegistryResponse> DescribeRegistry(Ecr&, const aws::CallContext& call,
                                                  const DescribeRegistryRequest&) {
  return DescribeRegistryResponse{.registry_id = call.account.str(),
                                  .replication_configuration = ReplicationConfiguration{}};
}

Result<GetAccountSettingResponse> GetAccountSetting(Ecr& ecr, const aws::CallContext& call,
                                                    const GetAccountSettingRequest& request) {
  std::string value = TRY(ecr.account_settings.Get(RegistryOf(call, std::nullopt), request.name));
  return GetAccountSettingResponse{.name = request.name, .value = std::move(value)};
}

Result<PutAccountSettingResponse> PutAccountSetting(Ecr& ecr, const aws::CallContext& call,
                                                    const PutAccountSettingRequest& request) {
  TRY(ecr.account_settings.Put(RegistryOf(call, std::nullopt), request.name, request.value));
  return PutAccountSettingResponse{.name = request.name, .value = request.value};
}

Result<RegisterPullTimeUpdateExclusionResponse> RegisterPullTimeUpdateExclusion(
    Ecr& ecr, const aws::CallContext& call, const RegisterPullTimeUpdateExclusionRequest& request) {
  const Timestamp created_at =
      TRY(ecr.pull_time_exclusions.Register(RegistryOf(call, std::nullopt), request.principal_arn));
  return RegisterPullTimeUpdateExclusionResponse{.created_at = created_at,
                                                 .principal_arn = request.principal_arn};
}

Result<DeregisterPullTimeUpdateExclusionResponse> DeregisterPullTimeUpdateExclusion(
    Ecr& ecr, const aws::CallContext& call, const DeregisterPullTimeUpdateExclusionRequest& request) {
  TRY(ecr.pull_time_exclusions.Deregister(RegistryOf(call, std::nullopt), request.principal_arn));
  return DeregisterPullTimeUpdateExclusionResponse{.principal_arn = request.principal_arn};
}

Result<ListPullTimeUpdateExclusionsResponse> ListPullTimeUpdateExclusions(
    Ecr& ecr, const aws::CallContext& call, const ListPullTimeUpdateExclusionsRequest& request) {
  const RegistryName registry = RegistryOf(call, std::nullopt);
  const std::string list =
      "ListPullTimeUpdateExclusions " + registry.account.str() + " " + registry.region.str();
  const PageRequest page_request{.limit = static_cast<int>(request.max_results.value_or(kDefaultPage)),
                                 .after = TRY(OpenNextToken(ecr, list, request.next_token))};
  Page<std::string> page = TRY(ecr.pull_time_exclusions.List(registry, page_request));
  ListPullTimeUpdateExclusionsResponse answer{.next_token = std::nullopt,
                                              .pull_time_update_exclusions = std::move(page.entries)};
  if (!page.next.empty()) answer.next_token = SealNextToken(ecr, list, page.next);
  return answer;
}

}  // namespace entrepot::ecr
