#include "access/address_range.h"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>

namespace entrepot::access {

std::optional<AddressRange::Address> AddressRange::ParseAddress(const std::string& text) {
  Address address{};
  if (text.find('\0') != text.npos) return std::nullopt;  // where inet_pton would stop
  if (inet_pton(AF_INET6, text.c_str(), address.data()) == 1) return address;
  if (inet_pton(AF_INET, text.c_str(), address.data() + 12) != 1) return std::nullopt;
  address[10] = address[11] = 0xff;  // ::ffff:a.b.c.d
  return address;
}

std::optional<AddressRange> AddressRange::Parse(const std::string& text) {
  const std::size_t slash = std::min(text.find('/'), text.size());
  const std::string base = text.substr(0, slash);
  const auto address = ParseAddress(base);
  if (!address) return std::nullopt;
  AddressRange range;
  range.first_ = *address;
  range.bits_ = 128;
  if (slash < text.size()) {
    const bool ipv4 = base.find(':') == base.npos;
    const char* const begin = text.data() + slash + 1;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(begin, end, range.bits_);
    if (error != std::errc() || stop != end || range.bits_ < 0 || range.bits_ > (ipv4 ? 32 : 128))
      return std::nullopt;
    if (ipv4) range.bits_ += 96;
  }
  return range;
}

bool AddressRange::Contains(const std::string& text) const {
  const auto address = ParseAddress(text);
  if (!address) return false;
  const int whole = bits_ / 8;
  if (!std::equal(first_.begin(), first_.begin() + whole, address->begin())) return false;
  if (bits_ % 8 == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xff << (8 - bits_ % 8));
  return (first_[whole] & mask) == ((*address)[whole] & mask);
}

}  // namespace entrepot::access
