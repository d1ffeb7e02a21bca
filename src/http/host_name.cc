#include "http/host_name.h"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <string>

namespace entrepot::http {
namespace {

bool IsLabelCharacter(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; }

bool IsLabel(std::string_view label) {
  return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
         std::ranges::all_of(label, IsLabelCharacter);
}

bool IsName(std::string_view name) {
  if (name.size() > 253) return false;
  for (;;) {
    const std::size_t dot = name.find('.');
    if (!IsLabel(name.substr(0, dot))) return false;
    if (dot == name.npos) return true;
    name.remove_prefix(dot + 1);
  }
}

bool IsBracketedAddress(std::string_view text) {
  if (text.size() < 4 || text.front() != '[' || text.back() != ']') return false;
  const std::string inner(text.substr(1, text.size() - 2));
  in6_addr address;  // inet_pton would take upper case, and stop at a NUL
  return inner.find_first_not_of("0123456789abcdef:.") == inner.npos &&
         inet_pton(AF_INET6, inner.c_str(), &address) == 1;
}

bool IsPort(std::string_view text) {
  int port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size() && text.size() <= 5 && text[0] != '0' &&
         port >= 1 && port <= 65535;
}

}  // namespace

bool IsHostName(std::string_view text) {
  std::string_view name = text;
  const std::size_t colon = text.rfind(':');
  if (colon != text.npos && !text.ends_with(']')) {
    if (!IsPort(text.substr(colon + 1))) return false;
    name = text.substr(0, colon);
  }
  return IsBracketedAddress(name) || IsName(name);
}

}  // namespace entrepot::http
