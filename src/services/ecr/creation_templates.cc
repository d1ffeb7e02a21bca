#include "registry/creation_templates.h"

#include <algorithm>

#include "base/json.h"
#include "services/ecr/attributes.h"
#include "services/ecr/naming.h"
#include "services/ecr/policy_text.h"

namespace entrepot::ecr {
namespace {

using registry::CreationTemplate;

constexpr std::size_t kMaxResourceTags = 50;
constexpr RCTAppliedFor kScenarios[] = {RCTAppliedFor::kReplication, RCTAppliedFor::kPullThroughCache,
                                        RCTAppliedFor::kCreateOnPush};

// The domain's bits are the model's values, in its order.
int BitOf(RCTAppliedFor scenario) { return 1 << static_cast<int>(scenario); }
static_assert(1 << static_cast<int>(RCTAppliedFor::kCreateOnPush) ==
              static_cast<int>(registry::CreationScenario::kCreateOnPush));
static_assert(1 << static_cast<int>(RCTAppliedFor::kPullThroughCache) ==
              static_cast<int>(registry::CreationScenario::kPullThroughCache));

std::optional<std::string> UnlessEmpty(const std::optional<std::string>& text) {
  return text && text->empty() ? std::nullopt : text;
}

// ---- from requests: what is given is checked and set, the rest stays (ecr-semantics 4.14)

Result<> SetMutability(const auto& request, CreationTemplate& to) {
  const auto& filters = request.image_tag_mutability_exclusion_filters;
  if (!request.image_tag_mutability && !filters) return {};
  const ImageTagMutability mode = request.image_tag_mutability.value_or(ToModel(to.tag_mutability));
  const bool keeps_filters = !filters && (mode == ImageTagMutability::kImmutableWithExclusion ||
                                          mode == ImageTagMutability::kMutableWithExclusion);
  to.tag_exclusions = TRY(ReadExclusions(mode, keeps_filters ? ToFilters(to.tag_exclusions) : filters));
  to.tag_mutability = ToDomain(mode);
  return {};
}

Result<> SetEncryption(const auto& request, CreationTemplate& to) {
  if (!request.encryption_configuration) return {};
  const auto& wanted = *request.encryption_configuration;
  to.encryption = TRY(ReadEncryption(wanted.encryption_type, wanted.kms_key));
  to.kms_key = wanted.kms_key.value_or("");
  return {};
}

Result<> SetTags(const auto& request, CreationTemplate& to) {
  if (!request.resource_tags) return {};
  Result<std::vector<registry::ResourceTag>> tags = ReadResourceTags(*request.resource_tags);
  if (!tags) return InvalidParameter("resourceTags", std::string(tags.error().fact("detail")));
  if (tags->size() > kMaxResourceTags)
    return InvalidParameter("resourceTags", "must have length less than or equal to 50");
  to.tags = *std::move(tags);
  return {};
}

Result<> SetRepositoryPolicy(const auto& request, const Region& region, CreationTemplate& to) {
  if (!request.repository_policy) return {};
  to.repository_policy.reset();
  if (!request.repository_policy->empty())
    to.repository_policy =
        TRY(CheckRepositoryPolicy("repositoryPolicy", *request.repository_policy, region, "")).text;
  return {};
}

// As far as it can be told without the engine: rules there must be.
Result<> SetLifecyclePolicy(const auto& request, CreationTemplate& to) {
  if (!request.lifecycle_policy) return {};
  to.lifecycle_policy = UnlessEmpty(request.lifecycle_policy);
  if (!to.lifecycle_policy) return {};
  const auto policy = ParseJson(*to.lifecycle_policy);
  const auto* rules = policy ? FindMember(*policy, "rules") : nullptr;
  if (!rules || !rules->is_array() || rules->get_array().empty())
    return InvalidParameter(
        "LifecyclePolicyText",
        "Lifecycle policy validation failure: Could not map policyString into LifecyclePolicy.");
  return {};
}

Result<> SetGiven(const auto& request, const Region& region, CreationTemplate& to) {
  if (request.description) to.description = UnlessEmpty(request.description);
  if (request.custom_role_arn) to.custom_role_arn = UnlessEmpty(request.custom_role_arn);
  TRY(SetMutability(request, to));
  TRY(SetEncryption(request, to));
  TRY(SetTags(request, to));
  TRY(SetRepositoryPolicy(request, region, to));
  return SetLifecyclePolicy(request, to);
}

int Bits(const std::vector<RCTAppliedFor>& scenarios) {
  int bits = 0;
  for (const RCTAppliedFor scenario : scenarios) bits |= BitOf(scenario);
  return bits;
}

// ---- to answers

RepositoryCreationTemplate ToAnswer(CreationTemplate from) {
  std::vector<RCTAppliedFor> applied_for;
  for (const RCTAppliedFor scenario : kScenarios)
    if (from.applied_for & BitOf(scenario)) applied_for.push_back(scenario);
  return {.applied_for = std::move(applied_for),
          .created_at = from.created_at,
          .custom_role_arn = std::move(from.custom_role_arn),
          .description = std::move(from.description),
          .encryption_configuration =
              EncryptionConfigurationForRepositoryCreationTemplate{
                  .encryption_type = ToModel(from.encryption),
                  .kms_key = from.kms_key.empty() ? std::nullopt : std::optional(std::move(from.kms_key))},
          .image_tag_mutability = ToModel(from.tag_mutability),
          .image_tag_mutability_exclusion_filters = ToFilters(from.tag_exclusions),
          .lifecycle_policy = std::move(from.lifecycle_policy),
          .prefix = std::move(from.prefix),
          .repository_policy = std::move(from.repository_policy),
          .resource_tags = from.tags.empty() ? std::nullopt : std::optional(ToTags(std::move(from.tags))),
          .updated_at = from.updated_at};
}

// Every answer about one template is the same one.
template <class Response>
Response TemplateAnswer(const RegistryName& registry, CreationTemplate made) {
  return {.registry_id = registry.account.str(), .repository_creation_template = ToAnswer(std::move(made))};
}

}  // namespace

Result<CreateRepositoryCreationTemplateResponse> CreateRepositoryCreationTemplate(
    Ecr& ecr, const aws::CallContext& call, const CreateRepositoryCreationTemplateRequest& request) {
  const RegistryName registry = RegistryOf(call, std::nullopt);
  CreationTemplate wanted{.prefix = request.prefix, .applied_for = Bits(request.applied_for)};
  TRY(SetGiven(request, registry.region, wanted));
  return TemplateAnswer<CreateRepositoryCreationTemplateResponse>(
      registry, TRY(ecr.creation_templates.Create(registry, std::move(wanted))));
}

Result<UpdateRepositoryCreationTemplateResponse> UpdateRepositoryCreationTemplate(
    Ecr& ecr, const aws::CallContext& call, const UpdateRepositoryCreationTemplateRequest& request) {
  const RegistryName registry = RegistryOf(call, std::nullopt);
  const auto change = [&](CreationTemplate& to) -> Result<> {
    if (request.applied_for) to.applied_for = Bits(*request.applied_for);
    return SetGiven(request, registry.region, to);
  };
  return TemplateAnswer<UpdateRepositoryCreationTemplateResponse>(
      registry, TRY(ecr.creation_templates.Update(registry, request.prefix, change)));
}

Result<DeleteRepositoryCreationTemplateResponse> DeleteRepositoryCreationTemplate(
    Ecr& ecr, const aws::CallContext& call, const DeleteRepositoryCreationTemplateRequest& request) {
  const RegistryName registry = RegistryOf(call, std::nullopt);
  return TemplateAnswer<DeleteRepositoryCreationTemplateResponse>(
      registry, TRY(ecr.creation_templates.Delete(registry, request.prefix)));
}

Result<DescribeRepositoryCreationTemplatesResponse> DescribeRepositoryCreationTemplates(
    Ecr& ecr, const aws::CallContext& call, const DescribeRepositoryCreationTemplatesRequest& request) {
  const RegistryName registry = RegistryOf(call, std::nullopt);
  DescribeRepositoryCreationTemplatesResponse answer{
      .next_token = std::nullopt,
      .registry_id = registry.account.str(),
      .repository_creation_templates = std::vector<RepositoryCreationTemplate>{}};
  if (request.prefixes && !request.prefixes->empty()) {
    if (request.max_results || request.next_token)
      return InvalidParameter(request.max_results ? "maxResults" : "nextToken",
                              "cannot be given together with prefixes");
    for (const std::string& prefix : *request.prefixes)  // one that is not there is left out
      if (auto found = TRY(ecr.creation_templates.Find(registry, prefix)))
        answer.repository_creation_templates->push_back(ToAnswer(*std::move(found)));
    return answer;
  }
  const std::string list =
      "DescribeRepositoryCreationTemplates " + registry.account.str() + " " + registry.region.str();
  const PageRequest page_request{.limit = static_cast<int>(request.max_results.value_or(kDefaultPage)),
                                 .after = TRY(OpenNextToken(ecr, list, request.next_token))};
  auto page = TRY(ecr.creation_templates.List(registry, page_request));
  for (CreationTemplate& entry : page.entries)
    answer.repository_creation_templates->push_back(ToAnswer(std::move(entry)));
  if (!page.next.empty()) answer.next_token = SealNextToken(ecr, list, page.next);
  return answer;
}

}  // namespace entrepot::ecr
