#include "access/authorizer.h"

#include <algorithm>

#include "access/request_context.h"
#include "base/log.h"
#include "metadata/identities.h"

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

}  // namespace

Authorizer::Authorizer(metadata::Store& store, const Clock& clock, std::size_t cache_bytes)
    : store_(store), clock_(clock), policies_(cache_bytes / 2), decisions_(cache_bytes / 2) {}

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
    Result<PolicyDocument> policy = PolicyDocument::Parse(document, PolicyKind::kIdentity);
    // They were checked when they came in. Leaving one out might leave out a deny.
    if (!policy) return Fail(ErrorCode::kDamaged, "policy " + policy_name + ": " + policy.error().ToString());
    policies->push_back(std::make_shared<const PolicyDocument>(*std::move(policy)));
    cost += 512 + 8 * document.size();
  }
  policies_.Put(version, name, seen, policies, cost);
  return policies;
}

Result<Verdict> Authorizer::Evaluate(const Caller& caller, const std::string& name, std::string_view action,
                                     std::string_view resource, const RequestFacts& facts) {
  const metadata::Seen seen(store_.versions(), metadata::UserVersion(caller.account, caller.unique_id));
  const auto keep = [&](const std::string& under, Decision decision) {
    decisions_.Put(DecisionKey(under), under, seen, std::make_shared<const Decision>(std::move(decision)),
                   128);
  };
  const auto policies = TRY(PoliciesOf(caller));
  const Context context = ContextOf(caller, facts);
  const Question question{caller.arn, caller.unique_id, caller.account, action, resource, &context};
  const Verdict verdict = Decide(question, *policies, {});
  const std::vector<std::string> keys = KeysAsked(action, *policies);
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
  const bool by_policy = verdict.outcome == Verdict::Outcome::kDeniedExplicitly;
  return Fail(Error(ErrorCode::kAccessDenied)
                  .With("principal", caller.arn)
                  .With("action", std::string(action))
                  .With("resource", std::string(resource))
                  .With("reason", ReasonText(verdict, action))
                  .With("denied_by", by_policy ? "policy" : "default"));
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
