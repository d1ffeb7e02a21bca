#pragma once

// One condition of a policy statement: operator, key, values. Source of the rules: the IAM User Guide's page
// on condition operators; the traps are design-access 7 (a), (b), (f), (g).

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <boost/json/value.hpp>

#include "access/context.h"
#include "access/pattern.h"
#include "base/ip_address.h"

namespace entrepot::access {

class Condition {
 public:
  /// `operator_name` as written, with its set qualifier and IfExists; `values` is one JSON scalar or a list
  /// of them.
  static Result<Condition> Parse(std::string_view operator_name, std::string_view key,
                                 const boost::json::value& values, Variables variables);

  /// False when it is not met, and when a variable in it has no value: then the statement says nothing (7b).
  bool IsMet(const Context& context) const;
  /// Every key it may ask for, in lower case.
  void CollectKeys(std::vector<std::string>& keys) const;

  enum class Family : std::uint8_t {
    kText,
    kTextIgnoringCase,
    kLike,
    kNumber,
    kDate,
    kTruth,
    kBinary,
    kAddress,
    kArn,
    kNull
  };
  enum class Order : std::uint8_t { kEqual, kLess, kLessOrEqual, kGreater, kGreaterOrEqual };
  enum class Quantifier : std::uint8_t { kNone, kForAllValues, kForAnyValue };

 private:
  using Operand = std::variant<Pattern, double, bool, AddressRange>;
  using Resolved = std::variant<Glob, double, bool, AddressRange>;

  static Result<Operand> ParseOperand(Family family, const std::string& text, Variables variables);
  bool MatchesOne(const Resolved& operand, const std::string& value) const;
  bool Satisfies(const std::vector<Resolved>& operands, const std::string& value) const;

  Family family_ = Family::kText;
  Order order_ = Order::kEqual;
  Quantifier quantifier_ = Quantifier::kNone;
  bool negated_ = false, if_exists_ = false;
  std::string key_;
  std::vector<Operand> operands_;
};

/// Seconds since 1970 of an ISO 8601 date (year, month and day at least) or of a plain number of seconds.
std::optional<double> ParsePolicyDate(std::string_view text);

}  // namespace entrepot::access
