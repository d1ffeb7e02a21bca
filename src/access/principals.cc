#include "access/principals.h"

#include <algorithm>

#include "access/pattern.h"
#include "base/arn.h"
#include "base/names.h"

namespace entrepot::access {
namespace {

namespace json = boost::json;

Result<std::vector<std::string_view>> Texts(const json::value& value) {
  std::vector<std::string_view> texts;
  if (value.is_string()) {
    texts.emplace_back(value.get_string());
  } else if (const auto* list = value.if_array()) {
    for (const json::value& entry : *list) {
      if (!entry.is_string()) return MalformedPolicy("A principal must be a string");
      texts.emplace_back(entry.get_string());
    }
  } else {
    return MalformedPolicy("Principals must be a string or a list of strings");
  }
  return texts;
}

bool Contains(const std::vector<std::string>& list, std::string_view text) {
  return std::ranges::find(list, text) != list.end();
}

// AIDA…, AROA…: what a saved principal becomes (design-access 7e).
bool IsUniqueId(std::string_view text) {
  return text.size() >= 16 && text.starts_with('A') &&
         std::ranges::all_of(text, [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); });
}

}  // namespace

Result<> PrincipalSet::AddAws(std::string_view text) {
  if (text == "*") {
    everyone_ = true;
  } else if (AccountId::Parse(text)) {
    accounts_.emplace_back(text);
  } else if (IsUniqueId(text)) {
    unique_ids_.emplace_back(text);
  } else {
    const Result<Arn> arn = Arn::Parse(text);
    if (!arn || (arn->service != "iam" && arn->service != "sts") || !AccountId::Parse(arn->account) ||
        text.find_first_of("*?") != text.npos)
      return MalformedPolicy("Invalid principal in policy: " + std::string(text));
    if (arn->resource == "root")
      accounts_.push_back(arn->account);
    else
      arns_.emplace_back(text);
  }
  return {};
}

Result<PrincipalSet> PrincipalSet::Parse(const json::value& principal) {
  PrincipalSet set;
  if (principal.is_string() && principal.get_string() == "*") {
    set.everyone_ = true;
    return set;
  }
  const auto* types = principal.if_object();
  if (!types || types->empty()) return MalformedPolicy("Principal must be \"*\" or an object");
  for (const auto& [type, value] : *types) {
    const auto texts = TRY(Texts(value));
    if (type == "AWS") {
      for (const std::string_view text : texts) TRY(set.AddAws(text));
    } else if (type != "Service" && type != "Federated" &&
               type != "CanonicalUser") {  // those name nobody who calls here
      return MalformedPolicy("Invalid type of principal: " + std::string(type));
    }
  }
  return set;
}

PrincipalSet::Match PrincipalSet::Names(std::string_view arn, std::string_view unique_id,
                                        std::string_view account) const {
  if (everyone_ || Contains(arns_, arn) || Contains(unique_ids_, unique_id)) return Match::kDirect;
  return Contains(accounts_, account) ? Match::kAccount : Match::kNone;
}

bool PrincipalSet::Excepts(std::string_view arn, std::string_view unique_id, std::string_view account) const {
  if (everyone_) return true;
  const bool named = Contains(arns_, arn) || Contains(unique_ids_, unique_id) || arn.ends_with(":root");
  return named && Contains(accounts_, account);
}

}  // namespace entrepot::access
