#pragma once

// The Host of a /v2/ request, believed only by an anchored grammar (design-access 4).

#include <optional>
#include <string>
#include <string_view>

#include "base/names.h"

namespace entrepot::access {

struct RegistryHost {
  std::string
      text;  // as sent, with its port: fit to be printed in an answer to this request, and nowhere else
  std::optional<RegistryName> registry;  // what <account>.dkr.ecr.<region>.<domain> names
};

/// `domain` is the configured one, or "". kMalformedRequest for anything but a lower-case name, an IPv4
/// address or a bracketed IPv6 address, with an optional port. A registry's name under a domain that is
/// neither ours nor one of AWS's is a plain host.
Result<RegistryHost> ParseRegistryHost(std::string_view host, std::string_view domain);

}  // namespace entrepot::access
