#include "http/outbound_address.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "base/check.h"

namespace entrepot::http {
namespace {

using Ranges = std::vector<AddressRange>;

Ranges RangesOf(std::initializer_list<std::string_view> texts) {
  Ranges ranges;
  for (const std::string_view text : texts) {
    const std::optional<AddressRange> range = AddressRange::Parse(text);
    CHECK(range);
    ranges.push_back(*range);
  }
  return ranges;
}

bool In(const Ranges& ranges, const IpAddress& address) {
  return std::ranges::any_of(ranges, [&](const AddressRange& range) { return range.Contains(address); });
}

// "This network", link-local, multicast, reserved, unspecified: no receiver is there.
bool IsNoHost(const IpAddress& address) {
  static const Ranges kRanges = RangesOf(
      {"0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4", "::/128", "fe80::/10", "ff00::/8"});
  return In(kRanges, address);
}

// IANA's special-purpose registries: loopback, private, shared (CGNAT), benchmarks, documentation, ULA, and
// tunnels whose other end is not to be seen.
bool IsPrivate(const IpAddress& address) {
  static const Ranges kRanges =
      RangesOf({"10.0.0.0/8",     "100.64.0.0/10",  "127.0.0.0/8",    "172.16.0.0/12",  "192.0.0.0/24",
                "192.0.2.0/24",   "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",  "198.51.100.0/24",
                "203.0.113.0/24", "::1/128",        "::/96",          "64:ff9b:1::/48", "100::/64",
                "2001::/23",      "2001:db8::/32",  "3fff::/20",      "5f00::/16",      "fc00::/7",
                "fec0::/10"});
  return In(kRanges, address);
}

std::optional<IpAddress> Embedded(const IpAddress& address) {
  static const AddressRange kNat64 = RangesOf({"64:ff9b::/96"}).front();
  static const AddressRange kSixToFour = RangesOf({"2002::/16"}).front();
  const IpAddress::Octets& octets = address.octets();
  if (kNat64.Contains(address)) return IpAddress::FromIpv4({octets[12], octets[13], octets[14], octets[15]});
  if (kSixToFour.Contains(address)) return IpAddress::FromIpv4({octets[2], octets[3], octets[4], octets[5]});
  return std::nullopt;
}

}  // namespace

bool MayReach(Reach reach, const IpAddress& address) {
  if (IsNoHost(address) || (reach == Reach::kPublic && IsPrivate(address))) return false;
  const std::optional<IpAddress> inner = Embedded(address);
  return !inner || MayReach(reach, *inner);
}

}  // namespace entrepot::http
