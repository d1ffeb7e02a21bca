#include "access/registry_host.h"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>

namespace entrepot::access {
namespace {

// ecr-semantics 1.3 and 1.4.
constexpr std::string_view kAwsDomains[] = {
    "amazonaws.com", "amazonaws.com.cn", "amazonaws.eu",   "on.aws",         "on.amazonwebservices.com.cn",
    "c2s.ic.gov",    "sc2s.sgov.gov",    "cloud.adc-e.uk", "csp.hci.ic.gov",
};
constexpr std::string_view kServices[] = {".dkr.ecr.", ".dkr.ecr-fips.", ".dkr-ecr.", ".dkr-ecr-fips."};

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

std::unexpected<Error> Bad() {
  return Fail(ErrorCode::kMalformedRequest, "Host is not a lower-case host name");
}

bool IsRegistryDomain(std::string_view text, std::string_view domain) {
  return (!domain.empty() && text == domain) || std::ranges::find(kAwsDomains, text) != std::end(kAwsDomains);
}

// Nothing for a name of another shape; an error for one of this shape that names no region.
Result<std::optional<RegistryName>> RegistryOf(std::string_view name, std::string_view domain) {
  const auto account = AccountId::Parse(name.substr(0, 12));
  const std::string_view rest = name.substr(std::min<std::size_t>(name.size(), 12));
  const auto* service =
      std::ranges::find_if(kServices, [&](std::string_view prefix) { return rest.starts_with(prefix); });
  if (!account || service == std::end(kServices)) return std::nullopt;
  const std::string_view place = rest.substr(service->size());
  const std::size_t dot = place.find('.');
  if (dot == place.npos || !IsRegistryDomain(place.substr(dot + 1), domain)) return std::nullopt;
  Result<Region> region = Region::Parse(place.substr(0, dot));
  if (!region) return Bad();
  return RegistryName{*account, *std::move(region)};
}

}  // namespace

Result<RegistryHost> ParseRegistryHost(std::string_view host, std::string_view domain) {
  std::string_view name = host;
  const std::size_t colon = host.rfind(':');
  if (colon != host.npos && !host.ends_with(']')) {
    if (!IsPort(host.substr(colon + 1))) return Bad();
    name = host.substr(0, colon);
  }
  if (IsBracketedAddress(name)) return RegistryHost{std::string(host), std::nullopt};
  if (!IsName(name)) return Bad();
  return RegistryHost{std::string(host), TRY(RegistryOf(name, domain))};
}

}  // namespace entrepot::access
