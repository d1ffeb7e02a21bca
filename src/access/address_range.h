#pragma once

// A run of IP addresses, as `203.0.113.0/24`, `2001:db8::/32` or one address.

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace entrepot::access {

class AddressRange {
 public:
  static std::optional<AddressRange> Parse(const std::string& text);
  /// IPv4 addresses and their IPv6-mapped form are the same. False for what is no address.
  bool Contains(const std::string& address) const;

 private:
  using Address = std::array<std::uint8_t, 16>;
  static std::optional<Address> ParseAddress(const std::string& text);

  Address first_{};
  int bits_ = 0;  // of 128
};

}  // namespace entrepot::access
