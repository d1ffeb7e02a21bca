#include "access/registry_host.h"

#include <algorithm>

#include "http/host_name.h"

namespace entrepot::access {
namespace {

// ecr-semantics 1.3 and 1.4.
constexpr std::string_view kAwsDomains[] = {
    "amazonaws.com", "amazonaws.com.cn", "amazonaws.eu",   "on.aws",         "on.amazonwebservices.com.cn",
    "c2s.ic.gov",    "sc2s.sgov.gov",    "cloud.adc-e.uk", "csp.hci.ic.gov",
};
constexpr std::string_view kServices[] = {".dkr.ecr.", ".dkr.ecr-fips.", ".dkr-ecr.", ".dkr-ecr-fips."};

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
  if (!http::IsHostName(host)) return Bad();
  const std::string_view name = host.substr(0, host.find(':'));
  return RegistryHost{std::string(host), TRY(RegistryOf(name, domain))};
}

}  // namespace entrepot::access
