#include "access/authorizer.h"

#include <algorithm>

#include "access/request_context.h"
#include "base/arn.h"
#include "base/log.h"
#include "metadata/identities.h"
#include "metadata/policies.h"
#include "metadata/registry_settings.h"

namespace entrepot::access {
namespace {

// A text under which nothing but these parts lies.
void AppendPart(std::string& name, std::string_view part) {
  name.append(std::to_string(part.size())).append(":").append(part);
}

std::string DecisionName(const Caller& caller, std::string_view action, std::string_view resource) {
  std::string name;
  for (const std::string_view part : {std::string_view(caller.account), std::string_view(caller.unique_id),
                                      std::string_view(caller.arn), action, resource})
    AppendPart(name, part);
  return name;
}

std::string WithValues(std::string name, const std::vector<std::string>& keys, const Context& context) {
  for (const std::string& key : keys) {
    const Context::Values* values = context.Find(key);
    name += '|';
    if (!values) continue;
    name += '=';
    for (const std::string& value : *values) AppendPart(name, value);
  }
  return name;
}

std::uint64_t DecisionKey(std::string_view name) { return metadata::CacheKey("decision", name); }

// A repository as requests about it name it, whether it is there or not.
struct RepositoryTarget {
  RegistryName registry;
  std::string name;
};

// Nothing for what has no policies of its own: "*", and patterns such as repository/*.
std::optional<RepositoryTarget> ParseTarget(std::string_view resource) {
  constexpr std::string_view kPrefix = "repository/";
  Result<Arn> arn = Arn::Parse(resource);
  if (!arn || arn->service != "ecr" || !arn->resource.starts_with(kPrefix)) return std::nullopt;
  const Result<AccountId> account = AccountId::Parse(arn->account);
  const Result<Region> region = Region::Parse(arn->region);
  const Result<RepositoryName> name = RepositoryName::Parse(arn->resource.substr(kPrefix.size()));
  if (!account || !region || !name) return std::nullopt;
  return RepositoryTarget{{*account, *region}, name->str()};
}

// They were checked when they came in. Leaving one out might leave out a deny.
Result<PolicyPtr> ParseStored(std::string_view what, std::string_view document, PolicyKind kind) {
  Result<PolicyDocument> policy = PolicyDocument::Parse(document, kind);
  if (!policy)
    return Fail(ErrorCode::kDamaged, "policy " + std::string(what) + ": " + policy.error().ToString());
  return std::make_shared<const PolicyDocument>(*std::move(policy));
}

Error Denial(const Caller& caller, std::string_view action, std::string_view resource,
             const Verdict& verdict) {
  const bool by_policy = verdict.outcome == Verdict::Outcome::kDeniedExplicitly;
  return Error(ErrorCode::kAccessDenied)
      .With("principal", caller.arn)
      .With("action", std::string(action))
      .With("resource", std::string(resource))
      .With("reason", ReasonText(verdict, action))
      .With("denied_by", by_policy ? "policy" : "default");
}

}  // namespace

Authorizer::Authorizer(metadata::Store& store, const Clock& clock, std::size_t cache_bytes)
    : store_(store),
      clock_(clock),
      policies_(cache_bytes / 4),
      attached_(cache_bytes / 4),
      decisions_(cache_bytes / 2) {}

Result<std::shared_ptr<const Authorizer::Policies>> Authorizer::PoliciesOf(const Caller& caller) {
  const std::uint64_t version = metadata::UserVersion(caller.account, caller.unique_id);
  std::string name;
  AppendPart(name, caller.account);
  AppendPart(name, caller.unique_id);
  if (auto cached = policies_.Get(version, name, store_.versions())) return cached;
  const metadata::Seen seen(store_.versions(), version);
  const auto rows = TRY(store_.Read([&](metadata::sql::Session& session) {
    return metadata::ListUserPolicies(session, caller.account, caller.unique_id);
  }));
  auto policies = std::make_shared<Policies>();
  std::size_t cost = sizeof(Policies);
  for (const auto& [policy_name, document] : rows) {
    policies->push_back(TRY(ParseStored(policy_name, document, PolicyKind::kIdentity)));
    cost += 512 + 8 * document.size();
  }
  policies_.Put(version, name, seen, policies, cost);
  return policies;
}

// With scope V1 a registry's policy is asked about what others do to the registry only (ecr-semantics 2.5).
Authorizer::Policies Authorizer::Attached::For(std::string_view action) const {
  Policies policies;
  if (repository) policies.push_back(repository);
  if (registry && (registry_for_all || action == "ecr:CreateRepository" || action == "ecr:ReplicateImage" ||
                   action == "ecr:BatchImportUpstreamImage"))
    policies.push_back(registry);
  return policies;
}

Result<std::shared_ptr<const Authorizer::Attached>> Authorizer::AttachedTo(std::string_view resource) {
  const std::optional<RepositoryTarget> target = ParseTarget(resource);
  if (!target) return std::make_shared<const Attached>();
  const std::uint64_t version = metadata::RepositoryVersion(target->registry, target->name);
  if (auto cached = attached_.Get(version, resource, store_.versions())) return cached;
  metadata::Seen seen(store_.versions(), version);
  seen.Record(store_.versions(), metadata::RegistryPolicyVersion(target->registry));
  auto attached = std::make_shared<Attached>();
  const auto rows =
      TRY(store_.Read([&](metadata::sql::Session& session) -> Result<metadata::AttachedPolicies> {
        const auto scope =
            TRY(metadata::FindAccountSetting(session, target->registry, metadata::kRegistryPolicyScope));
        attached->registry_for_all = scope.value_or("V2") == "V2";
        return metadata::FindAttachedPolicies(session, target->registry, target->name);
      }));
  if (rows.repository)
    attached->repository = TRY(ParseStored(resource, *rows.repository, PolicyKind::kResource));
  if (rows.registry)
    attached->registry = TRY(ParseStored("of the registry", *rows.registry, PolicyKind::kResource));
  const std::size_t length = rows.repository.value_or("").size() + rows.registry.value_or("").size();
  attached_.Put(version, resource, seen, attached, sizeof(Attached) + 8 * length);
  return attached;
}

Result<Verdict> Authorizer::Evaluate(const Caller& caller, const std::string& name, std::string_view action,
                                     std::string_view resource, const RequestFacts& facts) {
  metadata::Seen seen(store_.versions(), metadata::UserVersion(caller.account, caller.unique_id));
  if (const auto target = ParseTarget(resource)) {
    seen.Record(store_.versions(), metadata::RepositoryVersion(target->registry, target->name));
    seen.Record(store_.versions(), metadata::RegistryPolicyVersion(target->registry));
  }
  const auto keep = [&](const std::string& under, Decision decision) {
    decisions_.Put(DecisionKey(under), under, seen, std::make_shared<const Decision>(std::move(decision)),
                   128);
  };
  const auto policies = TRY(PoliciesOf(caller));
  const Policies attached = TRY(AttachedTo(resource))->For(action);
  const Context context = ContextOf(caller, facts);
  const Question question{caller.arn, caller.unique_id, caller.account, action, resource, &context};
  const Verdict verdict = Decide(question, *policies, attached);
  Policies all = *policies;
  all.insert(all.end(), attached.begin(), attached.end());
  const std::vector<std::string> keys = KeysAsked(action, all);
  keep(name, {keys, verdict});
  if (!keys.empty() && !DependsOnTime(keys)) keep(WithValues(name, keys, context), {{}, verdict});
  return verdict;
}

Result<> Authorizer::Authorize(const Caller& caller, std::string_view action, std::string_view resource,
                               const RequestFacts& facts) {
  const std::string name = DecisionName(caller, action, resource);
  auto decision = decisions_.Get(DecisionKey(name), name, store_.versions());
  if (decision && !decision->keys.empty()) {
    const std::string under = WithValues(name, decision->keys, ContextOf(caller, facts));
    decision = DependsOnTime(decision->keys) ? nullptr
                                             : decisions_.Get(DecisionKey(under), under, store_.versions());
  }
  const Verdict verdict = decision ? decision->verdict : TRY(Evaluate(caller, name, action, resource, facts));
  if (verdict.allowed()) return {};
  return Fail(Denial(caller, action, resource, verdict));
}

Result<> Authorizer::AuthorizeUnder(const PolicyDocument& policy, const Caller& caller,
                                    std::string_view action, std::string_view resource,
                                    const RequestFacts& facts) {
  const auto policies = TRY(PoliciesOf(caller));
  Attached attached = *TRY(AttachedTo(resource));
  attached.repository = std::make_shared<const PolicyDocument>(policy);
  const Context context = ContextOf(caller, facts);
  const Verdict verdict = Decide({caller.arn, caller.unique_id, caller.account, action, resource, &context},
                                 *policies, attached.For(action));
  if (verdict.allowed()) return {};
  return Fail(Denial(caller, action, resource, verdict));
}

std::optional<bool> Authorizer::TryAuthorize(const Caller& caller, std::string_view action,
                                             std::string_view resource, const http::RequestHead& head) const {
  const std::string name = DecisionName(caller, action, resource);
  auto decision = decisions_.Get(DecisionKey(name), name, store_.versions());
  if (!decision) return std::nullopt;
  if (!decision->keys.empty()) {
    if (DependsOnTime(decision->keys) || !std::ranges::all_of(decision->keys, IsConnectionKey))
      return std::nullopt;
    const std::string under =
        WithValues(name, decision->keys, ContextOf(caller, FactsOf(head, clock_.Now())));
    decision = decisions_.Get(DecisionKey(under), under, store_.versions());
    if (!decision) return std::nullopt;
  }
  return decision->verdict.allowed();
}

}  // namespace entrepot::access
