#pragma once

// Prepared statements by their text. A lookup costs a hash of the text, which is little beside any statement,
// and can never take one statement for another.

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace entrepot::metadata::sql {

struct StatementTextHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};

/// Entries keep their address until they are erased.
template <class Statement>
using StatementMap = std::unordered_map<std::string, Statement, StatementTextHash, std::equal_to<>>;

}  // namespace entrepot::metadata::sql
