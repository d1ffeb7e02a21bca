#include "access/conditions.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>

#include <fmt/format.h>

#include "base/encoding.h"

namespace entrepot::access {
namespace {

namespace json = boost::json;
using Family = Condition::Family;
using Order = Condition::Order;
using Quantifier = Condition::Quantifier;

struct Operator {
  std::string_view name;
  Family family;
  Order order = Order::kEqual;
  bool negated = false;
};

constexpr Operator kOperators[] = {
    {"StringEquals", Family::kText},
    {"StringNotEquals", Family::kText, Order::kEqual, true},
    {"StringEqualsIgnoreCase", Family::kTextIgnoringCase},
    {"StringNotEqualsIgnoreCase", Family::kTextIgnoringCase, Order::kEqual, true},
    {"StringLike", Family::kLike},
    {"StringNotLike", Family::kLike, Order::kEqual, true},
    {"NumericEquals", Family::kNumber},
    {"NumericNotEquals", Family::kNumber, Order::kEqual, true},
    {"NumericLessThan", Family::kNumber, Order::kLess},
    {"NumericLessThanEquals", Family::kNumber, Order::kLessOrEqual},
    {"NumericGreaterThan", Family::kNumber, Order::kGreater},
    {"NumericGreaterThanEquals", Family::kNumber, Order::kGreaterOrEqual},
    {"DateEquals", Family::kDate},
    {"DateNotEquals", Family::kDate, Order::kEqual, true},
    {"DateLessThan", Family::kDate, Order::kLess},
    {"DateLessThanEquals", Family::kDate, Order::kLessOrEqual},
    {"DateGreaterThan", Family::kDate, Order::kGreater},
    {"DateGreaterThanEquals", Family::kDate, Order::kGreaterOrEqual},
    {"Bool", Family::kTruth},
    {"BinaryEquals", Family::kBinary},
    {"IpAddress", Family::kAddress},
    {"NotIpAddress", Family::kAddress, Order::kEqual, true},
    {"ArnEquals", Family::kArn},
    {"ArnLike", Family::kArn},
    {"ArnNotEquals", Family::kArn, Order::kEqual, true},
    {"ArnNotLike", Family::kArn, Order::kEqual, true},
    {"Null", Family::kNull},
};

bool TakePrefix(std::string_view& text, std::string_view prefix) {
  if (LowerCase(text.substr(0, prefix.size())) != LowerCase(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

bool TakeSuffix(std::string_view& text, std::string_view suffix) {
  if (text.size() < suffix.size() || LowerCase(text.substr(text.size() - suffix.size())) != LowerCase(suffix))
    return false;
  text.remove_suffix(suffix.size());
  return true;
}

std::optional<double> ParseNumber(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(number)) return std::nullopt;
  return number;
}

std::optional<bool> ParseTruth(std::string_view text) {
  const std::string lower = LowerCase(text);
  if (lower == "true") return true;
  if (lower == "false") return false;
  return std::nullopt;
}

bool Holds(Order order, double value, double limit) {
  switch (order) {
    case Order::kEqual:
      return value == limit;
    case Order::kLess:
      return value < limit;
    case Order::kLessOrEqual:
      return value <= limit;
    case Order::kGreater:
      return value > limit;
    case Order::kGreaterOrEqual:
      return value >= limit;
  }
  return false;
}

Result<std::string> ScalarText(const json::value& value) {
  if (value.is_string()) return std::string(value.get_string());
  if (value.is_bool()) return std::string(value.get_bool() ? "true" : "false");
  if (value.is_int64()) return std::to_string(value.get_int64());
  if (value.is_uint64()) return std::to_string(value.get_uint64());
  if (value.is_double()) return fmt::format("{}", value.get_double());
  return MalformedPolicy("A condition's values must be strings, numbers or booleans");
}

Result<std::vector<std::string>> ScalarTexts(const json::value& values) {
  std::vector<std::string> texts;
  if (const auto* list = values.if_array()) {
    for (const json::value& value : *list) texts.push_back(TRY(ScalarText(value)));
  } else {
    texts.push_back(TRY(ScalarText(values)));
  }
  if (texts.empty()) return MalformedPolicy("A condition needs at least one value");
  return texts;
}

// Takes `digits` digits off the front.
std::optional<int> TakeNumber(std::string_view& text, std::size_t digits) {
  int number = 0;
  if (text.size() < digits) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + digits, number);
  if (error != std::errc() || end != text.data() + digits || number < 0) return std::nullopt;
  text.remove_prefix(digits);
  return number;
}

bool Take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

// hh:mm[:ss[.fraction]] and then Z or an offset.
std::optional<double> ParseTimeOfDay(std::string_view text) {
  const auto hour = TakeNumber(text, 2);
  if (!hour || *hour > 23 || !Take(text, ':')) return std::nullopt;
  const auto minute = TakeNumber(text, 2);
  if (!minute || *minute > 59) return std::nullopt;
  double seconds = *hour * 3600 + *minute * 60;
  if (Take(text, ':')) {
    const auto second = TakeNumber(text, 2);
    if (!second || *second > 60) return std::nullopt;
    seconds += *second;
    if (Take(text, '.')) {
      double place = 0.1;
      if (text.empty() || text[0] < '0' || text[0] > '9') return std::nullopt;
      for (; !text.empty() && text[0] >= '0' && text[0] <= '9'; text.remove_prefix(1), place /= 10)
        seconds += (text[0] - '0') * place;
    }
  }
  if (text == "Z" || text == "z") return seconds;
  if (text.empty() || (text[0] != '+' && text[0] != '-')) return std::nullopt;
  const int sign = text[0] == '+' ? -1 : 1;
  text.remove_prefix(1);
  const auto hours = TakeNumber(text, 2);
  Take(text, ':');
  const auto minutes = TakeNumber(text, 2);
  if (!hours || *hours > 23 || !minutes || *minutes > 59 || !text.empty()) return std::nullopt;
  return seconds + sign * (*hours * 3600 + *minutes * 60);
}

}  // namespace

std::optional<double> ParsePolicyDate(std::string_view text) {
  if (const auto seconds = ParseNumber(text)) return seconds;
  const auto year = TakeNumber(text, 4);
  if (!year || !Take(text, '-')) return std::nullopt;
  const auto month = TakeNumber(text, 2);
  if (!month || !Take(text, '-')) return std::nullopt;
  const auto day = TakeNumber(text, 2);
  if (!day) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  const double midnight = static_cast<double>(std::chrono::sys_days(date).time_since_epoch().count()) * 86400;
  if (text.empty()) return midnight;
  if (!Take(text, 'T') && !Take(text, 't')) return std::nullopt;
  const auto time = ParseTimeOfDay(text);
  if (!time) return std::nullopt;
  return midnight + *time;
}

Result<Condition::Operand> Condition::ParseOperand(Family family, const std::string& text,
                                                   Variables variables) {
  const auto invalid = [&] { return MalformedPolicy("Invalid value in a condition: " + text); };
  switch (family) {
    case Family::kText:
    case Family::kTextIgnoringCase:
      return TRY(Pattern::Parse(text, Wildcards::kLiteral, variables));
    case Family::kLike:
    case Family::kArn:
      return TRY(Pattern::Parse(text, Wildcards::kText, variables));
    case Family::kBinary:
      if (!Base64Decode(text)) return invalid();
      return TRY(Pattern::Parse(text, Wildcards::kLiteral, Variables::kLiteral));
    case Family::kNumber:
      if (const auto number = ParseNumber(text)) return *number;
      return invalid();
    case Family::kDate:
      if (const auto date = ParsePolicyDate(text)) return *date;
      return invalid();
    case Family::kTruth:
    case Family::kNull:
      if (const auto truth = ParseTruth(text)) return *truth;
      return invalid();
    case Family::kAddress:
      if (const auto range = AddressRange::Parse(text)) return *range;
      return invalid();
  }
  return invalid();
}

Result<Condition> Condition::Parse(std::string_view operator_name, std::string_view key,
                                   const json::value& values, Variables variables) {
  Condition condition;
  std::string_view name = operator_name;
  if (TakePrefix(name, "ForAllValues:"))
    condition.quantifier_ = Quantifier::kForAllValues;
  else if (TakePrefix(name, "ForAnyValue:"))
    condition.quantifier_ = Quantifier::kForAnyValue;
  condition.if_exists_ = TakeSuffix(name, "IfExists");
  const auto* found = std::ranges::find_if(
      kOperators, [&](const Operator& known) { return LowerCase(known.name) == LowerCase(name); });
  const bool known = found != std::end(kOperators);
  const bool plain = condition.quantifier_ == Quantifier::kNone && !condition.if_exists_;
  if (!known || (found->family == Family::kNull && !plain))
    return MalformedPolicy("Invalid condition operator: " + std::string(operator_name));
  if (key.empty()) return MalformedPolicy("A condition has no key");
  condition.family_ = found->family;
  condition.order_ = found->order;
  condition.negated_ = found->negated;
  condition.key_ = LowerCase(key);
  for (const std::string& text : TRY(ScalarTexts(values)))
    condition.operands_.push_back(TRY(ParseOperand(condition.family_, text, variables)));
  return condition;
}

bool Condition::MatchesOne(const Resolved& operand, const std::string& value) const {
  switch (family_) {
    case Family::kText:
    case Family::kLike:
    case Family::kBinary:
      return Matches(std::get<Glob>(operand), value);
    case Family::kTextIgnoringCase:
      return Matches(std::get<Glob>(operand), value, Case::kIgnored);
    case Family::kArn:
      return MatchesArn(std::get<Glob>(operand), value);
    case Family::kNumber: {
      const auto number = ParseNumber(value);
      return number && Holds(order_, *number, std::get<double>(operand));
    }
    case Family::kDate: {
      const auto date = ParsePolicyDate(value);
      return date && Holds(order_, *date, std::get<double>(operand));
    }
    case Family::kTruth:
      return ParseTruth(value) == std::get<bool>(operand);
    case Family::kAddress:
      return std::get<AddressRange>(operand).Contains(value);
    case Family::kNull:
      break;  // asks for the key, not for its values
  }
  return false;
}

bool Condition::Satisfies(const std::vector<Resolved>& operands, const std::string& value) const {
  const bool some =
      std::ranges::any_of(operands, [&](const Resolved& operand) { return MatchesOne(operand, value); });
  return some != negated_;
}

bool Condition::IsMet(const Context& context) const {
  std::vector<Resolved> operands;
  for (const Operand& operand : operands_) {
    if (const auto* pattern = std::get_if<Pattern>(&operand)) {
      auto glob = pattern->Resolve(context);
      if (!glob) return false;
      operands.emplace_back(std::move(*glob));
    } else {
      std::visit(
          [&]<class T>(const T& plain) {
            if constexpr (!std::is_same_v<T, Pattern>) operands.emplace_back(plain);
          },
          operand);
    }
  }
  const Context::Values* values = context.Find(key_);
  if (family_ == Family::kNull)
    return std::ranges::any_of(operands,
                               [&](const Resolved& absent) { return std::get<bool>(absent) == !values; });
  const auto satisfies = [&](const std::string& value) { return Satisfies(operands, value); };
  switch (quantifier_) {
    case Quantifier::kForAllValues:
      return !values || std::ranges::all_of(*values, satisfies);
    case Quantifier::kForAnyValue:
      return values ? std::ranges::any_of(*values, satisfies) : if_exists_;
    case Quantifier::kNone:
      break;
  }
  if (!values) return if_exists_ || negated_;
  // Several values without a qualifier: a positive operator takes any of them, a negated one must hold for
  // all.
  return negated_ ? std::ranges::all_of(*values, satisfies) : std::ranges::any_of(*values, satisfies);
}

void Condition::CollectKeys(std::vector<std::string>& keys) const {
  keys.push_back(key_);
  for (const Operand& operand : operands_)
    if (const auto* pattern = std::get_if<Pattern>(&operand)) pattern->CollectKeys(keys);
}

}  // namespace entrepot::access
