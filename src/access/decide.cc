#include "access/decide.h"

#include <algorithm>

#include "base/arn.h"

namespace entrepot::access {
namespace {

using Match = PrincipalSet::Match;

bool Applies(const Statement& statement, const Question& question) {
  return statement.CoversAction(question.action) &&
         statement.CoversResource(question.resource, *question.context) &&
         statement.ConditionsAreMet(*question.context);
}

// What the statements that apply say, together.
struct Tally {
  bool denied = false;
  bool allowed = false;             // to this very principal
  bool allowed_to_account = false;  // to its account
};

void Count(const Statement& statement, Match match, Tally& tally) {
  if (!statement.allows)
    tally.denied = true;
  else if (match == Match::kDirect)
    tally.allowed = true;
  else
    tally.allowed_to_account = true;
}

Tally CountIdentity(const Question& question, std::span<const PolicyPtr> policies) {
  Tally tally;
  for (const PolicyPtr& policy : policies)
    for (const Statement& statement : policy->statements())
      if (Applies(statement, question)) Count(statement, Match::kDirect, tally);
  return tally;
}

Tally CountResource(const Question& question, std::span<const PolicyPtr> policies) {
  Tally tally;
  for (const PolicyPtr& policy : policies)
    for (const Statement& statement : policy->statements()) {
      const Match match = statement.CoversPrincipal(question.arn, question.unique_id, question.account);
      if (match != Match::kNone && Applies(statement, question)) Count(statement, match, tally);
    }
  return tally;
}

// A resource without an account of its own ("*") is the caller's.
bool IsOwnResource(const Question& question) {
  const Result<Arn> arn = Arn::Parse(question.resource);
  return !arn || arn->account.empty() || arn->account == question.account;
}

}  // namespace

Verdict Decide(const Question& question, std::span<const PolicyPtr> identity_policies,
               std::span<const PolicyPtr> resource_policies) {
  using Outcome = Verdict::Outcome;
  const Tally identity = CountIdentity(question, identity_policies);
  const Tally resource = CountResource(question, resource_policies);
  if (identity.denied) return {Outcome::kDeniedExplicitly, PolicyKind::kIdentity};
  if (resource.denied) return {Outcome::kDeniedExplicitly, PolicyKind::kResource};
  if (IsOwnResource(question)) {
    if (identity.allowed) return {Outcome::kAllowed, PolicyKind::kIdentity};
    if (resource.allowed) return {Outcome::kAllowed, PolicyKind::kResource};
    return {Outcome::kDeniedImplicitly, PolicyKind::kIdentity};
  }
  if (!resource.allowed && !resource.allowed_to_account)
    return {Outcome::kDeniedImplicitly, PolicyKind::kResource};
  if (!identity.allowed) return {Outcome::kDeniedImplicitly, PolicyKind::kIdentity};
  return {Outcome::kAllowed, PolicyKind::kResource};
}

std::vector<std::string> KeysAsked(std::string_view action, std::span<const PolicyPtr> policies) {
  std::vector<std::string> keys;
  for (const PolicyPtr& policy : policies)
    for (const Statement& statement : policy->statements())
      if (statement.CoversAction(action)) statement.CollectKeys(keys);
  std::ranges::sort(keys);
  keys.erase(std::ranges::unique(keys).begin(), keys.end());
  return keys;
}

bool DependsOnTime(std::span<const std::string> keys) {
  return std::ranges::any_of(
      keys, [](const std::string& key) { return key == "aws:currenttime" || key == "aws:epochtime"; });
}

std::string ReasonText(const Verdict& verdict, std::string_view action) {
  const std::string kind = verdict.decided_by == PolicyKind::kIdentity ? "identity-based" : "resource-based";
  if (verdict.outcome == Verdict::Outcome::kDeniedExplicitly)
    return "with an explicit deny in " + std::string(kind[0] == 'i' ? "an " : "a ") + kind + " policy";
  return "because no " + kind + " policy allows the " + std::string(action) + " action";
}

}  // namespace entrepot::access
