#include "registry/repository.h"

#include <algorithm>

namespace entrepot::registry {

bool MatchesTagFilter(std::string_view filter, std::string_view tag) {
  // One pass with one point of return: the last star and how much of the tag it has taken.
  std::size_t f = 0, t = 0, star = filter.npos, taken = 0;
  while (t < tag.size()) {
    if (f < filter.size() && filter[f] == '*') {
      star = f++;
      taken = t;
    } else if (f < filter.size() && filter[f] == tag[t]) {
      ++f, ++t;
    } else if (star != filter.npos) {
      f = star + 1;
      t = ++taken;
    } else {
      return false;
    }
  }
  while (f < filter.size() && filter[f] == '*') ++f;
  return f == filter.size();
}

bool IsTagImmutable(TagMutability mode, const std::vector<std::string>& exclusions, std::string_view tag) {
  const auto excluded = [&] {
    return std::ranges::any_of(exclusions,
                               [&](const std::string& filter) { return MatchesTagFilter(filter, tag); });
  };
  switch (mode) {
    case TagMutability::kMutable:
      return false;
    case TagMutability::kImmutable:
      return true;
    case TagMutability::kImmutableWithExclusion:
      return !excluded();
    case TagMutability::kMutableWithExclusion:
      return excluded();
  }
  return false;
}

}  // namespace entrepot::registry
