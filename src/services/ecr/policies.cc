#include "services/ecr/naming.h"
#include "services/ecr/policy_text.h"

namespace entrepot::ecr {
namespace {

// Whether the caller could set the next policy too; `force` sets it all the same (ecr-semantics 4.2).
Result<> CheckLockOut(Ecr& ecr, const aws::CallContext& call, const CheckedPolicy& policy,
                      const std::string& arn) {
  const Result<> may =
      ecr.access.AuthorizeUnder(policy.document, *call.caller, "ecr:SetRepositoryPolicy", arn, call.facts);
  if (may || may.error().code() != ErrorCode::kAccessDenied) return may;
  return InvalidParameter("PolicyText",
                          "The policy would not let you set another one on this repository; use force to set "
                          "it all the same");
}

// Every answer about a repository's policy is the same one.
template <class Response>
Response PolicyAnswer(const registry::Repository& repository, std::string text) {
  return {.policy_text = std::move(text),
          .registry_id = repository.registry.account.str(),
          .repository_name = repository.name.str()};
}

}  // namespace

Result<SetRepositoryPolicyResponse> SetRepositoryPolicy(Ecr& ecr, const aws::CallContext& call,
                                                        const SetRepositoryPolicyRequest& request) {
  const RegistryName registry = RegistryOf(call, request.registry_id);
  const std::string arn = RepositoryArn(registry, request.repository_name);
  const CheckedPolicy policy =
      TRY(CheckRepositoryPolicy("PolicyText", request.policy_text, registry.region, arn));
  const registry::RepositoryPtr repository = TRY(FindRepository(ecr, call, request));
  if (!request.force.value_or(false)) TRY(CheckLockOut(ecr, call, policy, arn));
  TRY(ecr.policies.Put(*repository, policy.text));
  return PolicyAnswer<SetRepositoryPolicyResponse>(*repository, policy.text);
}

Result<GetRepositoryPolicyResponse> GetRepositoryPolicy(Ecr& ecr, const aws::CallContext& call,
                                                        const GetRepositoryPolicyRequest& request) {
  const registry::RepositoryPtr repository = TRY(FindRepository(ecr, call, request));
  return PolicyAnswer<GetRepositoryPolicyResponse>(*repository, TRY(ecr.policies.Get(*repository)));
}

Result<DeleteRepositoryPolicyResponse> DeleteRepositoryPolicy(Ecr& ecr, const aws::CallContext& call,
                                                              const DeleteRepositoryPolicyRequest& request) {
  const registry::RepositoryPtr repository = TRY(FindRepository(ecr, call, request));
  return PolicyAnswer<DeleteRepositoryPolicyResponse>(*repository, TRY(ecr.policies.Delete(*repository)));
}

Result<PutRegistryPolicyResponse> PutRegistryPolicy(Ecr& ecr, const aws::CallContext& call,
                                                    const PutRegistryPolicyRequest& request) {
  const RegistryName registry = RegistryOf(call, std::nullopt);
  const bool v2 = TRY(ecr.account_settings.Get(registry, "REGISTRY_POLICY_SCOPE")) == "V2";
  const CheckedPolicy policy = TRY(CheckRegistryPolicy(
      request.policy_text, registry, v2 ? RegistryPolicyScope::kV2 : RegistryPolicyScope::kV1));
  TRY(ecr.policies.Put(registry, policy.text));
  return PutRegistryPolicyResponse{.policy_text = policy.text, .registry_id = registry.account.str()};
}

Result<GetRegistryPolicyResponse> GetRegistryPolicy(Ecr& ecr, const aws::CallContext& call,
                                                    const GetRegistryPolicyRequest&) {
  const RegistryName registry = RegistryOf(call, std::nullopt);
  return GetRegistryPolicyResponse{.policy_text = TRY(ecr.policies.Get(registry)),
                                   .registry_id = registry.account.str()};
}

Result<DeleteRegistryPolicyResponse> DeleteRegistryPolicy(Ecr& ecr, const aws::CallContext& call,
                                                          const DeleteRegistryPolicyRequest&) {
  const RegistryName registry = RegistryOf(call, std::nullopt);
  return DeleteRegistryPolicyResponse{.policy_text = TRY(ecr.policies.Delete(registry)),
                                      .registry_id = registry.account.str()};
}

}  // namespace entrepot::ecr
