#include "services/ecr/policy_text.h"

#include <algorithm>
#include <functional>
#include <initializer_list>

#include <boost/json/serialize.hpp>

#include "access/context.h"
#include "base/arn.h"
#include "base/json.h"
#include "services/ecr/naming.h"

namespace entrepot::ecr {
namespace {

namespace json = boost::json;

constexpr std::string_view kParameter = "PolicyText";  // as ECR spells it (ecr-semantics 3.3)

// ---- the canonical form

// As Jackson prints by default: members on lines of their own, lists in a row.
void Print(const json::value& value, int depth, std::string& out) {
  const auto new_line = [&](int to) { out.append("\n").append(static_cast<std::size_t>(2 * to), ' '); };
  if (const auto* list = value.if_array()) {
    out += '[';
    std::string_view separator = " ";
    for (const json::value& entry : *list) {
      out += separator;
      Print(entry, depth, out);
      separator = ", ";
    }
    out += " ]";
  } else if (const auto* object = value.if_object()) {
    out += '{';
    std::string_view separator;
    for (const auto& member : *object) {
      out += separator;
      new_line(depth + 1);
      out.append(json::serialize(member.key())).append(" : ");
      Print(member.value(), depth + 1, out);
      separator = ",";
    }
    if (object->empty())
      out += ' ';
    else
      new_line(depth);
    out += '}';
  } else {
    out += json::serialize(value);
  }
}

// Lists of one become their entry, at every depth.
json::value Collapsed(const json::value& value) {
  if (const auto* object = value.if_object()) {
    json::object out;
    for (const auto& [key, entry] : *object) out[key] = Collapsed(entry);
    return out;
  }
  const auto* list = value.if_array();
  return list && list->size() == 1 ? list->front() : value;
}

// An account by its number becomes its root's ARN.
json::value NamedPrincipal(const json::value& principal, std::string_view partition) {
  const auto named = [&](const json::value& entry) -> json::value {
    if (!entry.is_string() || !AccountId::Parse(entry.get_string())) return entry;
    return json::value("arn:" + std::string(partition) + ":iam::" + std::string(entry.get_string()) +
                       ":root");
  };
  const auto* types = principal.if_object();
  if (!types) return principal;
  json::object out;
  for (const auto& [type, value] : *types) {
    if (const auto* list = value.if_array()) {
      json::array names;
      for (const json::value& entry : *list) names.push_back(named(entry));
      out[type] = std::move(names);
    } else {
      out[type] = named(value);
    }
  }
  return out;
}

json::object InOrder(const json::object& object, std::initializer_list<std::string_view> order) {
  json::object out;
  for (const std::string_view name : order)
    if (const json::value* value = object.if_contains(name)) out[name] = *value;
  return out;
}

json::object CanonicalStatement(const json::object& statement, std::string_view partition) {
  json::object out = InOrder(statement, {"Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction",
                                         "Resource", "NotResource", "Condition"});
  for (auto& [name, value] : out)
    value = Collapsed(name.ends_with("Principal") ? NamedPrincipal(value, partition) : value);
  return out;
}

// ---- what a statement may say

std::vector<std::string_view> Texts(const json::object& statement, std::string_view element) {
  std::vector<std::string_view> texts;
  const json::value* value = statement.if_contains(element);
  if (!value) return texts;
  if (value->is_string()) texts.emplace_back(value->get_string());
  if (const auto* list = value->if_array())
    for (const json::value& entry : *list) texts.emplace_back(entry.get_string());
  return texts;
}

bool EveryAction(const json::object& statement, const std::function<bool(std::string_view action)>& rule) {
  for (const std::string_view element : {"Action", "NotAction"})
    for (const std::string_view action : Texts(statement, element))
      if (!rule(access::LowerCase(action))) return false;
  return true;
}

bool IsEcrAction(std::string_view action) { return action.starts_with("ecr:"); }

// What another account can be let do to a registry (ecr-semantics 4.10).
bool IsV1Action(std::string_view action) {
  return action == "ecr:*" || action == "ecr:createrepository" || action == "ecr:replicateimage" ||
         action == "ecr:batchimportupstreamimage";
}

using StatementRule = std::function<bool(const json::object& statement)>;

std::unexpected<Error> Refused(std::string_view parameter, std::string_view kind) {
  return InvalidParameter(std::string(parameter), "Invalid " + std::string(kind) + " policy provided");
}

Result<CheckedPolicy> Check(std::string_view parameter, std::string_view kind, std::string_view text,
                            std::string_view partition, const StatementRule& rule) {
  Result<access::PolicyDocument> document =
      access::PolicyDocument::Parse(text, access::PolicyKind::kResource);
  if (!document || document->statements().empty()) return Refused(parameter, kind);
  const json::value parsed = TRY(ParseJson(text));
  json::object canonical = InOrder(parsed.get_object(), {"Version", "Id"});
  const json::value& given = parsed.get_object().at("Statement");
  json::array statements;
  for (const json::value& statement : given.is_array() ? given.get_array() : json::array{given}) {
    if (!rule(statement.get_object())) return Refused(parameter, kind);
    statements.push_back(CanonicalStatement(statement.get_object(), partition));
  }
  canonical["Statement"] = std::move(statements);
  CheckedPolicy policy{*std::move(document), {}};
  Print(canonical, 0, policy.text);
  return policy;
}

}  // namespace

Result<CheckedPolicy> CheckRepositoryPolicy(std::string_view parameter, std::string_view text,
                                            const Region& region, std::string_view repository_arn) {
  return Check(parameter, "repository", text, PartitionOf(region), [&](const json::object& statement) {
    return EveryAction(statement, IsEcrAction) && !statement.contains("NotResource") &&
           std::ranges::all_of(Texts(statement, "Resource"), [&](std::string_view resource) {
             return resource == "*" || (!repository_arn.empty() && resource == repository_arn);
           });
  });
}

Result<CheckedPolicy> CheckRegistryPolicy(std::string_view text, const RegistryName& registry,
                                          RegistryPolicyScope scope) {
  const std::string repositories = RepositoryArn(registry, "");
  const auto may_act = scope == RegistryPolicyScope::kV2 ? IsEcrAction : IsV1Action;
  return Check(kParameter, "registry", text, PartitionOf(registry.region),
               [&](const json::object& statement) {
                 const auto resources = Texts(statement, "Resource");
                 return EveryAction(statement, may_act) && !resources.empty() &&
                        std::ranges::all_of(resources, [&](std::string_view resource) {
                          return resource.size() > repositories.size() && resource.starts_with(repositories);
                        });
               });
}

}  // namespace entrepot::ecr
