#pragma once

// IP addresses and runs of them. An IPv4 address and its IPv6-mapped form are one and the same.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace entrepot {

class IpAddress {
 public:
  /// In network order; IPv4 as ::ffff:a.b.c.d.
  using Octets = std::array<std::uint8_t, 16>;

  IpAddress() = default;  // ::
  explicit IpAddress(const Octets& octets) : octets_(octets) {}
  static IpAddress FromIpv4(const std::array<std::uint8_t, 4>& octets);
  /// `203.0.113.7` or `2001:db8::7`, without brackets, port or zone.
  static std::optional<IpAddress> Parse(std::string_view text);

  const Octets& octets() const { return octets_; }
  bool ipv4() const;
  bool loopback() const;
  /// As Parse reads it; IPv4 whenever it is one.
  std::string ToString() const;

  friend bool operator==(const IpAddress&, const IpAddress&) = default;

 private:
  Octets octets_{};
};

/// `203.0.113.0/24`, `2001:db8::/32` or one address.
class AddressRange {
 public:
  static std::optional<AddressRange> Parse(std::string_view text);
  bool Contains(const IpAddress& address) const;
  /// False for what is no address.
  bool Contains(std::string_view address) const;
  std::string ToString() const;

 private:
  IpAddress first_;
  int bits_ = 128;
};

}  // namespace entrepot
