#pragma once

// Text of a policy with wildcards and ${variables}. What a variable stands for is literal: its own '*' and
// '?' match only themselves (design-access 7b).

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "access/context.h"
#include "base/result.h"

namespace entrepot::access {

/// A pattern without variables. An element below 256 is a byte that matches itself.
using Glob = std::u16string;
using GlobView = std::u16string_view;

enum class Case { kSensitive, kIgnored };

/// In time linear in the text for each element of the pattern, whatever the pattern.
bool Matches(GlobView glob, std::string_view text, Case sensitivity = Case::kSensitive);
/// As Amazon Resource Names compare: each of the six parts by itself.
bool MatchesArn(GlobView glob, std::string_view arn);

enum class Wildcards {
  kLiteral,   // '*' and '?' are themselves
  kText,      // '*' is any run of characters, '?' any one
  kResource,  // neither crosses a ':', except a '*' that is the last character of its part (design-access 7f)
};
enum class Variables { kLiteral, kSubstituted };

class Pattern {
 public:
  /// kInvalidParameter when a variable is not closed or has no name.
  static Result<Pattern> Parse(std::string_view text, Wildcards wildcards, Variables variables);

  /// Nothing when a variable has no value, or several, and no default.
  std::optional<Glob> Resolve(const Context& context) const;
  /// The keys its variables ask for, in lower case.
  void CollectKeys(std::vector<std::string>& keys) const;

 private:
  struct Piece {
    Glob fixed;       // what stands before the variable
    std::string key;  // "" at the end
    std::optional<std::string> otherwise;
  };
  std::vector<Piece> pieces_;
};

/// A policy that cannot be taken, with what is wrong in it.
std::unexpected<Error> MalformedPolicy(std::string why);

}  // namespace entrepot::access
