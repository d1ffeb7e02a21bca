#pragma once

// Lists in pages. Where a list goes on is a text of its own, which the doors seal before a client gets it.

#include <string>
#include <vector>

namespace entrepot {

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
