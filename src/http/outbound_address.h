#pragma once

// Which addresses an outbound connection may reach (design-access 11). Looked at where it cannot be deceived:
// at the address that is connected, behind every name resolution.

#include "base/ip_address.h"

namespace entrepot::http {

enum class Reach {
  kConfigured,  // a host that the operator named: private networks and this machine too
  kPublic,      // where somebody else led us: the public Internet alone
};

/// Never link-local addresses, where clouds keep their machines' secrets, nor what is no host at all. An
/// address that carries an IPv4 one (mapped, NAT64, 6to4) is judged by both.
bool MayReach(Reach reach, const IpAddress& address);

}  // namespace entrepot::http
