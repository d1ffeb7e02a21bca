#include "services/sts/sts.h"

namespace entrepot::sts {
namespace {

constexpr std::string_view kNoRoles = "there are no roles yet, and so no sessions";
constexpr std::string_view kNoFederation = "there are no identity providers yet";
constexpr std::string_view kNoSessions = "there are no temporary credentials yet";

constexpr aws::NotServed kNotServed[] = {
    {"AssumeRole", kNoRoles},
    {"AssumeRoleWithSAML", kNoFederation},
    {"AssumeRoleWithWebIdentity", kNoFederation},
    {"AssumeRoot", "there are no member accounts"},
    {"DecodeAuthorizationMessage", "refusals are worded in full, never encoded"},
    {"GetAccessKeyInfo", "keys of one installation belong to its accounts; IAM lists them"},
    {"GetDelegatedAccessToken", "there is no delegation"},
    {"GetFederationToken", kNoSessions},
    {"GetSessionToken", kNoSessions},
    {"GetWebIdentityToken", "the registry is no identity provider"},
};

}  // namespace

aws::Service StsService(Sts& sts) {
  aws::Operation get_caller_identity =
      aws::RowWithoutPermission(sts, model::kGetCallerIdentity, &GetCallerIdentity);
  get_caller_identity.presigned = true;  // EKS and Vault prove who they are with it
  return {.model = &model::kService,
          .protocol = aws::Protocol::kQuery,
          .global = true,
          .operations = {std::move(get_caller_identity)},
          .not_served = kNotServed};
}

}  // namespace entrepot::sts
