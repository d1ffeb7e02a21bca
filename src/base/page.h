#pragma once

// Page tokens: where a list goes on, sealed so that a client can neither read nor make one, and bound to the
// list it came from (operation, registry, filters), so that it is refused anywhere else.

#include <string>
#include <string_view>

#include "base/crypto.h"

namespace entrepot {

class PageTokens {
 public:
  explicit PageTokens(SecretKey key) : key_(std::move(key)) {}

  /// `scope` names the list and its filters; `cursor` is the last key of the page.
  std::string Seal(std::string_view scope, std::string_view cursor) const;
  /// kInvalidPageToken unless the token was sealed for this scope.
  Result<std::string> Open(std::string_view scope, std::string_view token) const;

 private:
  SecretKey key_;
};

/// What a list is asked for: at most `limit` entries after `after` ("" = from the start).
struct PageRequest {
  int limit = 100;
  std::string after;
};

/// One page; `next` is empty on the last one.
template <class T>
struct Page {
  std::vector<T> entries;
  std::string next;
};

}  // namespace entrepot
