#pragma once

// Whom a request comes from when proxies stand before the registry: Forwarded (RFC 7239) and X-Forwarded-For,
// -Proto and -Host, believed only of configured proxies (design-access 4, 7j).
//
// Read from the right, where the nearest proxy wrote: the client is the first address that is no trusted
// proxy's; what stands further left is the client's own invention. Scheme and Host are those that the
// outermost believed proxy wrote. A proxy that hides an address ("unknown", "_x") is itself the client.
//
// A proxy writes one of the two families; the other one would pass it unread, from the client. So where both
// are there they must say the same.

#include <expected>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "http/head_parser.h"
#include "http/request.h"

namespace entrepot::http {

using TrustedProxies = std::vector<AddressRange>;

bool IsTrusted(const TrustedProxies& proxies, const IpAddress& address);

/// The client as trusted proxies describe it.
struct ForwardedClient {
  IpAddress address;
  std::optional<bool> tls;  // nothing: they do not say
  std::string_view host;    // into the header fields; "" = they do not say

  friend bool operator==(const ForwardedClient&, const ForwardedClient&) = default;
};

/// Of a request that `proxy`, a trusted one, sent; nothing when it says nothing of a client. Refused with
/// 400: what two readers could understand differently.
std::expected<std::optional<ForwardedClient>, HeadRefusal> ReadForwarding(
    std::span<const HeaderField> headers, const IpAddress& proxy, const TrustedProxies& trusted);

}  // namespace entrepot::http
