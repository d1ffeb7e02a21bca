#include "http/request.h"

#include <algorithm>

#include "base/encoding.h"

namespace entrepot::http {
namespace {

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

}  // namespace

bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (Lower(a[i]) != Lower(b[i])) return false;
  return true;
}

std::string_view RequestHead::Header(std::string_view name) const {
  for (const HeaderField& field : headers)
    if (EqualsIgnoreCase(field.name, name)) return field.value;
  return {};
}

bool RequestHead::HasHeader(std::string_view name) const { return CountHeader(name) > 0; }

int RequestHead::CountHeader(std::string_view name) const {
  int count = 0;
  for (const HeaderField& field : headers) count += EqualsIgnoreCase(field.name, name);
  return count;
}

std::optional<std::string> QueryParameter(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    const std::size_t equals = pair.find('=');
    const auto key = PercentDecode(pair.substr(0, equals), true);
    if (!key || *key != name) continue;
    return PercentDecode(equals == pair.npos ? std::string_view() : pair.substr(equals + 1), true);
  }
  return std::nullopt;
}

}  // namespace entrepot::http
