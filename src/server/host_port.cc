#include "server/host_port.h"

#include <arpa/inet.h>
#include <charconv>

namespace entrepot::server {
namespace {

std::optional<std::uint16_t> ParsePort(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return port;
}

bool IsIpv4(const std::string& text) {
  in_addr address{};
  return ::inet_pton(AF_INET, text.c_str(), &address) == 1;
}

std::optional<in6_addr> ParseIpv6(const std::string& text) {
  in6_addr address{};
  if (::inet_pton(AF_INET6, text.c_str(), &address) != 1) return std::nullopt;
  return address;
}

}  // namespace

bool IsNumericAddress(const std::string& text) { return IsIpv4(text) || ParseIpv6(text).has_value(); }

std::optional<HostPort> HostPort::Parse(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == text.npos) return std::nullopt;
  const std::optional<std::uint16_t> port = ParsePort(text.substr(colon + 1));
  if (!port) return std::nullopt;
  std::string host(text.substr(0, colon));
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
    if (!ParseIpv6(host)) return std::nullopt;
  } else {
    if (host == "localhost") host = "127.0.0.1";
    if (!IsIpv4(host)) return std::nullopt;
  }
  return HostPort{std::move(host), *port};
}

std::string HostPort::ToString() const {
  const std::string name = host.contains(':') ? "[" + host + "]" : host;
  return name + ":" + std::to_string(port);
}

bool HostPort::loopback() const {
  if (const std::optional<in6_addr> address = ParseIpv6(host)) return IN6_IS_ADDR_LOOPBACK(&*address);
  return host.starts_with("127.");
}

bool HostPort::wildcard() const {
  if (const std::optional<in6_addr> address = ParseIpv6(host)) return IN6_IS_ADDR_UNSPECIFIED(&*address);
  return host == "0.0.0.0";
}

HostPort HostPort::Reachable() const {
  if (!wildcard()) return *this;
  return {host.contains(':') ? "::1" : "127.0.0.1", port};
}

}  // namespace entrepot::server
