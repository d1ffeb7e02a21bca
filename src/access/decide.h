#pragma once

// May they? The policies, a question, an answer: pure, and the only place where the answer is made
// (ecr-semantics 2.5). No principal is special: whoever may do everything has a policy that says so.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "access/context.h"
#include "access/policy_document.h"

namespace entrepot::access {

/// Views: valid for the call.
struct Question {
  std::string_view arn, unique_id, account;  // who asks
  std::string_view action;                   // ecr:PutImage
  std::string_view resource;                 // an ARN, or "*"
  const Context* context = nullptr;
};

struct Verdict {
  enum class Outcome { kAllowed, kDeniedExplicitly, kDeniedImplicitly };
  Outcome outcome = Outcome::kDeniedImplicitly;
  PolicyKind decided_by = PolicyKind::kIdentity;

  bool allowed() const { return outcome == Outcome::kAllowed; }
};

/// In the same account either kind of policy may allow; across accounts both must; an explicit deny wins
/// always.
Verdict Decide(const Question& question, std::span<const PolicyPtr> identity_policies,
               std::span<const PolicyPtr> resource_policies);

/// The context keys that the answer may depend on for this action, sorted: of every statement that covers it,
/// however far the evaluation gets. A function of the policies and the action alone, so that an answer may be
/// kept under the values of these keys (design-access 2).
std::vector<std::string> KeysAsked(std::string_view action, std::span<const PolicyPtr> policies);
/// Such an answer is not kept at all.
bool DependsOnTime(std::span<const std::string> keys);

/// The end of ECR's text (ecr-semantics 2.6): "because no identity-based policy allows the ecr:PutImage
/// action".
std::string ReasonText(const Verdict& verdict, std::string_view action);

}  // namespace entrepot::access
