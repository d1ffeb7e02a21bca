#pragma once

// JSON as a tree, over Boost.JSON. Strict: UTF-8 only, bounded depth, no trailing text, no infinite numbers.

#include <string_view>

#include <boost/json/value.hpp>

#include "base/result.h"

namespace entrepot {

enum class DuplicateKeys { kLastWins, kRefused };

/// kMalformedRequest with what is wrong and where. Policies refuse duplicate keys (design-access 7h).
Result<boost::json::value> ParseJson(std::string_view text,
                                     DuplicateKeys duplicates = DuplicateKeys::kLastWins, int max_depth = 32);

/// The member of an object, or nullptr where `value` is no object or has no such member.
const boost::json::value* FindMember(const boost::json::value& value, std::string_view name);
/// The member when it is a string, else "".
std::string_view StringMember(const boost::json::value& value, std::string_view name);

}  // namespace entrepot
