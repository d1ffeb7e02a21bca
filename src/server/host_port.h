#pragma once

// Where a listener is bound: a numeric address and a port.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace entrepot::server {

struct HostPort {
  std::string host;        // numeric, IPv6 without brackets
  std::uint16_t port = 0;  // 0 = any free one

  /// `127.0.0.1:5000`, `[::1]:5000`; `localhost:5000` is 127.0.0.1. Nothing for any other text: a name that
  /// DNS could point elsewhere would decide who can reach the registry.
  static std::optional<HostPort> Parse(std::string_view text);
  std::string ToString() const;

  /// Nobody on another machine can reach it.
  bool loopback() const;
  /// Every address of the machine: 0.0.0.0 or [::].
  bool wildcard() const;
  /// The same, with a wildcard replaced by the loopback address of its family: what a client on this machine
  /// dials.
  HostPort Reachable() const;

  friend bool operator==(const HostPort&, const HostPort&) = default;
};

/// True for a numeric IPv4 or IPv6 address without brackets.
bool IsNumericAddress(const std::string& text);

}  // namespace entrepot::server
