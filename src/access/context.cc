#include "access/context.h"

#include <algorithm>

namespace entrepot::access {

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return lower;
}

void Context::Add(std::string_view key, std::string value) {
  std::string name = LowerCase(key);
  const auto found = std::ranges::find(keys_, name, &std::pair<std::string, Values>::first);
  if (found != keys_.end())
    found->second.push_back(std::move(value));
  else
    keys_.emplace_back(std::move(name), Values{std::move(value)});
}

const Context::Values* Context::Find(std::string_view key) const {
  const auto found = std::ranges::find(keys_, key, &std::pair<std::string, Values>::first);
  return found == keys_.end() ? nullptr : &found->second;
}

}  // namespace entrepot::access
