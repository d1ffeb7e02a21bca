#pragma once

// The condition keys of one request, as policies ask for them. Names ignore case (design-access 7g) and are
// kept in lower case.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace entrepot::access {

/// ASCII only.
std::string LowerCase(std::string_view text);

class Context {
 public:
  using Values = std::vector<std::string>;

  /// A key may have several values; each call adds one.
  void Add(std::string_view key, std::string value);
  /// Nullptr where the request has no such key. `key` is lower case.
  const Values* Find(std::string_view key) const;

 private:
  std::vector<std::pair<std::string, Values>> keys_;
};

}  // namespace entrepot::access
