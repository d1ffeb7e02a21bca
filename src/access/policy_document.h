#pragma once

// A policy document, parsed once per version and compiled for evaluation (design-access 2). Immutable: shared
// by threads as it is.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "access/conditions.h"
#include "access/pattern.h"
#include "access/principals.h"

namespace entrepot::access {

/// What a policy is attached to: an identity (it says what that identity may do, and names no principal) or a
/// resource (it says who may, and may leave the resource out: then it means the one it is attached to).
enum class PolicyKind { kIdentity, kResource };

struct Statement {
  std::string sid;
  bool allows = false;
  bool actions_excluded = false;    // NotAction
  std::vector<Glob> actions;        // lower case
  bool resources_excluded = false;  // NotResource
  std::vector<Pattern> resources;
  bool principals_excluded = false;  // NotPrincipal, which only denies
  PrincipalSet principals;
  std::vector<Condition> conditions;

  PrincipalSet::Match CoversPrincipal(std::string_view arn, std::string_view unique_id,
                                      std::string_view account) const;
  bool CoversAction(std::string_view action) const;
  /// False also when a variable in it has no value.
  bool CoversResource(std::string_view resource, const Context& context) const;
  bool ConditionsAreMet(const Context& context) const;
  /// The context keys it may ask for.
  void CollectKeys(std::vector<std::string>& keys) const;
};

class PolicyDocument {
 public:
  /// kInvalidParameter with what is wrong: duplicate or unknown elements, wrong types, unknown operators
  /// (7h).
  static Result<PolicyDocument> Parse(std::string_view text, PolicyKind kind);

  const std::vector<Statement>& statements() const { return statements_; }

 private:
  std::vector<Statement> statements_;
};

using PolicyPtr = std::shared_ptr<const PolicyDocument>;

}  // namespace entrepot::access
