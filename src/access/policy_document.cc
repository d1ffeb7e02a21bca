#include "access/policy_document.h"

#include <algorithm>
#include <set>

#include "base/json.h"

namespace entrepot::access {
namespace {

namespace json = boost::json;

constexpr std::string_view kOldVersion = "2008-10-17", kVersion = "2012-10-17";

Result<std::vector<std::string_view>> Texts(const json::value& value, std::string_view element) {
  std::vector<std::string_view> texts;
  const auto add = [&](const json::value& entry) {
    if (entry.is_string()) texts.emplace_back(entry.get_string());
    return entry.is_string();
  };
  bool good = false;
  if (const auto* list = value.if_array())
    good = !list->empty() && std::ranges::all_of(*list, add);
  else
    good = add(value);
  if (!good) return MalformedPolicy(std::string(element) + " must be a string or a list of strings");
  return texts;
}

Result<> RefuseUnknown(const json::object& object, std::initializer_list<std::string_view> known) {
  for (const auto& member : object)
    if (std::ranges::find(known, std::string_view(member.key())) == known.end())
      return MalformedPolicy("Unknown element in policy: " + std::string(member.key()));
  return {};
}

// The one of an element and its negation that is there; nullptr for neither.
Result<const json::value*> EitherOf(const json::object& statement, std::string_view name,
                                    std::string_view not_name, bool& excluded) {
  const json::value* plain = statement.if_contains(name);
  const json::value* negated = statement.if_contains(not_name);
  if (plain && negated)
    return MalformedPolicy("A statement has both " + std::string(name) + " and " + std::string(not_name));
  excluded = negated != nullptr;
  return plain ? plain : negated;
}

// service:pattern, or "*"; no variables.
Result<Glob> ParseAction(std::string_view text) {
  const std::size_t colon = text.find(':');
  const bool good = text == "*" || (colon != text.npos && colon > 0 && colon + 1 < text.size() &&
                                    text.find(':', colon + 1) == text.npos);
  if (!good) return MalformedPolicy("Actions must name a service and an action: " + std::string(text));
  return *TRY(Pattern::Parse(LowerCase(text), Wildcards::kText, Variables::kLiteral)).Resolve({});
}

Result<> ParseActions(const json::object& object, Statement& statement) {
  const json::value* actions = TRY(EitherOf(object, "Action", "NotAction", statement.actions_excluded));
  if (!actions) return MalformedPolicy("A statement has no Action");
  for (const std::string_view text : TRY(Texts(*actions, "Action")))
    statement.actions.push_back(TRY(ParseAction(text)));
  return {};
}

Result<> ParseResources(const json::object& object, PolicyKind kind, Variables variables,
                        Statement& statement) {
  const json::value* resources =
      TRY(EitherOf(object, "Resource", "NotResource", statement.resources_excluded));
  if (!resources && kind == PolicyKind::kIdentity) return MalformedPolicy("A statement has no Resource");
  if (!resources) {
    statement.resources.push_back(TRY(Pattern::Parse("*", Wildcards::kResource, Variables::kLiteral)));
    return {};
  }
  for (const std::string_view text : TRY(Texts(*resources, "Resource"))) {
    if (text != "*" && !text.starts_with("arn:"))
      return MalformedPolicy("Resource " + std::string(text) + " must be in ARN format or \"*\"");
    statement.resources.push_back(TRY(Pattern::Parse(text, Wildcards::kResource, variables)));
  }
  return {};
}

Result<> ParsePrincipals(const json::object& object, PolicyKind kind, Statement& statement) {
  const json::value* principal =
      TRY(EitherOf(object, "Principal", "NotPrincipal", statement.principals_excluded));
  if (kind == PolicyKind::kIdentity) {
    if (principal) return MalformedPolicy("An identity-based policy names no Principal");
    return {};
  }
  if (!principal) return MalformedPolicy("A statement has no Principal");
  if (statement.principals_excluded && statement.allows)
    return MalformedPolicy("NotPrincipal can only be used with Deny");
  statement.principals = TRY(PrincipalSet::Parse(*principal));
  return {};
}

Result<> ParseConditions(const json::object& object, Variables variables, Statement& statement) {
  const json::value* condition = object.if_contains("Condition");
  if (!condition) return {};
  if (!condition->is_object()) return MalformedPolicy("Condition must be an object");
  for (const auto& [operator_name, keys] : condition->get_object()) {
    if (!keys.is_object()) return MalformedPolicy("A condition operator must hold an object");
    for (const auto& [key, values] : keys.get_object())
      statement.conditions.push_back(TRY(Condition::Parse(operator_name, key, values, variables)));
  }
  return {};
}

Result<> ParseEffect(const json::object& object, Statement& statement) {
  const json::value* effect = object.if_contains("Effect");
  const std::string_view text = effect && effect->is_string() ? std::string_view(effect->get_string()) : "";
  if (text != "Allow" && text != "Deny") return MalformedPolicy("Effect must be Allow or Deny");
  statement.allows = text == "Allow";
  return {};
}

Result<> ParseSid(const json::object& object, PolicyKind kind, Statement& statement) {
  const json::value* sid = object.if_contains("Sid");
  if (!sid) return {};
  if (!sid->is_string()) return MalformedPolicy("Sid must be a string");
  statement.sid = sid->get_string();
  const auto alphanumeric = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  if (kind == PolicyKind::kIdentity && !std::ranges::all_of(statement.sid, alphanumeric))
    return MalformedPolicy("Statement IDs (SID) must be alpha-numeric");
  return {};
}

Result<Statement> ParseStatement(const json::value& value, PolicyKind kind, Variables variables) {
  if (!value.is_object()) return MalformedPolicy("A statement must be an object");
  const json::object& object = value.get_object();
  TRY(RefuseUnknown(object, {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Principal",
                             "NotPrincipal", "Condition"}));
  Statement statement;
  TRY(ParseSid(object, kind, statement));
  TRY(ParseEffect(object, statement));
  TRY(ParsePrincipals(object, kind, statement));
  TRY(ParseActions(object, statement));
  TRY(ParseResources(object, kind, variables, statement));
  TRY(ParseConditions(object, variables, statement));
  return statement;
}

Result<Variables> ParseVersion(const json::object& document) {
  const json::value* version = document.if_contains("Version");
  if (!version) return Variables::kLiteral;
  const std::string_view text = version->is_string() ? std::string_view(version->get_string()) : "";
  if (text == kVersion) return Variables::kSubstituted;
  if (text == kOldVersion) return Variables::kLiteral;
  return MalformedPolicy("Version must be 2012-10-17 or 2008-10-17");
}

}  // namespace

PrincipalSet::Match Statement::CoversPrincipal(std::string_view arn, std::string_view unique_id,
                                               std::string_view account) const {
  using Match = PrincipalSet::Match;
  if (!principals_excluded) return principals.Names(arn, unique_id, account);
  return principals.Excepts(arn, unique_id, account) ? Match::kNone : Match::kDirect;
}

bool Statement::CoversAction(std::string_view action) const {
  const bool named =
      std::ranges::any_of(actions, [&](const Glob& glob) { return Matches(glob, action, Case::kIgnored); });
  return named != actions_excluded;
}

bool Statement::CoversResource(std::string_view resource, const Context& context) const {
  bool named = false;
  for (const Pattern& pattern : resources) {
    const auto glob = pattern.Resolve(context);
    if (!glob && resources_excluded) return false;  // what is excluded is not known
    named = named || (glob && Matches(*glob, resource));
  }
  return named != resources_excluded;
}

bool Statement::ConditionsAreMet(const Context& context) const {
  return std::ranges::all_of(conditions,
                             [&](const Condition& condition) { return condition.IsMet(context); });
}

void Statement::CollectKeys(std::vector<std::string>& keys) const {
  for (const Pattern& pattern : resources) pattern.CollectKeys(keys);
  for (const Condition& condition : conditions) condition.CollectKeys(keys);
}

Result<PolicyDocument> PolicyDocument::Parse(std::string_view text, PolicyKind kind) {
  const Result<json::value> value = ParseJson(text, DuplicateKeys::kRefused);
  if (!value) return MalformedPolicy("Syntax errors in policy: " + std::string(value.error().fact("detail")));
  if (!value->is_object()) return MalformedPolicy("A policy must be an object");
  const json::object& object = value->get_object();
  TRY(RefuseUnknown(object, {"Version", "Id", "Statement"}));
  if (const json::value* id = object.if_contains("Id"); id && !id->is_string())
    return MalformedPolicy("Id must be a string");
  const Variables variables = TRY(ParseVersion(object));
  const json::value* statements = object.if_contains("Statement");
  if (!statements) return MalformedPolicy("A policy has no Statement");

  PolicyDocument document;
  if (const auto* list = statements->if_array()) {
    for (const json::value& statement : *list)
      document.statements_.push_back(TRY(ParseStatement(statement, kind, variables)));
  } else {
    document.statements_.push_back(TRY(ParseStatement(*statements, kind, variables)));
  }
  std::set<std::string_view> sids;
  for (const Statement& statement : document.statements_)
    if (kind == PolicyKind::kIdentity && !statement.sid.empty() && !sids.insert(statement.sid).second)
      return MalformedPolicy("Statement IDs (SID) in a single policy must be unique");
  return document;
}

}  // namespace entrepot::access
