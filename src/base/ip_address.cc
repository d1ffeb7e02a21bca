#include "base/ip_address.h"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>

namespace entrepot {
namespace {

constexpr std::size_t kLongestText = INET6_ADDRSTRLEN - 1;
constexpr int kIpv4Prefix = 96;  // bits before the IPv4 address in its mapped form

}  // namespace

IpAddress IpAddress::FromIpv4(const std::array<std::uint8_t, 4>& octets) {
  IpAddress address;
  address.octets_[10] = address.octets_[11] = 0xff;
  std::ranges::copy(octets, address.octets_.begin() + 12);
  return address;
}

std::optional<IpAddress> IpAddress::Parse(std::string_view text) {
  // A NUL is where inet_pton would stop.
  if (text.size() > kLongestText || text.find('\0') != text.npos) return std::nullopt;
  const std::string terminated(text);
  IpAddress address;
  if (::inet_pton(AF_INET6, terminated.c_str(), address.octets_.data()) == 1) return address;
  std::array<std::uint8_t, 4> ipv4{};
  if (::inet_pton(AF_INET, terminated.c_str(), ipv4.data()) == 1) return FromIpv4(ipv4);
  return std::nullopt;
}

bool IpAddress::ipv4() const {
  return std::all_of(octets_.begin(), octets_.begin() + 10, [](std::uint8_t octet) { return octet == 0; }) &&
         octets_[10] == 0xff && octets_[11] == 0xff;
}

bool IpAddress::loopback() const {
  static constexpr Octets kIpv6Loopback{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};
  return ipv4() ? octets_[12] == 127 : octets_ == kIpv6Loopback;
}

std::string IpAddress::ToString() const {
  char text[INET6_ADDRSTRLEN] = "";
  if (ipv4())
    ::inet_ntop(AF_INET, octets_.data() + 12, text, sizeof text);
  else
    ::inet_ntop(AF_INET6, octets_.data(), text, sizeof text);
  return text;
}

std::optional<AddressRange> AddressRange::Parse(std::string_view text) {
  const std::size_t slash = std::min(text.find('/'), text.size());
  const std::string_view base = text.substr(0, slash);
  const std::optional<IpAddress> address = IpAddress::Parse(base);
  if (!address) return std::nullopt;
  AddressRange range;
  range.first_ = *address;
  if (slash == text.size()) return range;
  const bool ipv4 = !base.contains(':');
  const char* const begin = text.data() + slash + 1;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(begin, end, range.bits_);
  if (error != std::errc() || stop != end || range.bits_ < 0 || range.bits_ > (ipv4 ? 32 : 128))
    return std::nullopt;
  if (ipv4) range.bits_ += kIpv4Prefix;
  return range;
}

bool AddressRange::Contains(const IpAddress& address) const {
  const IpAddress::Octets& mine = first_.octets();
  const IpAddress::Octets& other = address.octets();
  const int whole = bits_ / 8;
  if (!std::equal(mine.begin(), mine.begin() + whole, other.begin())) return false;
  if (bits_ % 8 == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xff << (8 - bits_ % 8));
  return (mine[whole] & mask) == (other[whole] & mask);
}

bool AddressRange::Contains(std::string_view text) const {
  const std::optional<IpAddress> address = IpAddress::Parse(text);
  return address && Contains(*address);
}

std::string AddressRange::ToString() const {
  const int bits = first_.ipv4() && bits_ >= kIpv4Prefix ? bits_ - kIpv4Prefix : bits_;
  return first_.ToString() + "/" + std::to_string(bits);
}

}  // namespace entrepot
