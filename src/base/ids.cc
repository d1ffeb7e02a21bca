#include "base/ids.h"

#include "base/crypto.h"
#include "base/encoding.h"

namespace entrepot {

std::string NewUuid() {
  std::array<std::uint8_t, 16> raw;
  FillRandom(raw);
  raw[6] = static_cast<std::uint8_t>((raw[6] & 0x0f) | 0x40);
  raw[8] = static_cast<std::uint8_t>((raw[8] & 0x3f) | 0x80);
  std::string text = HexEncode(raw);
  for (const std::size_t at : {8, 13, 18, 23}) text.insert(at, 1, '-');
  return text;
}

bool IsUuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    const char c = text[i];
    if (dash ? c != '-' : !((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
  }
  return true;
}

std::string NewAwsId(std::string_view prefix, std::size_t length) {
  static constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  std::string id(prefix);
  const ByteVector random = RandomBytes(length - prefix.size());
  for (const std::uint8_t byte : random) id += kAlphabet[byte & 31];
  return id;
}

}  // namespace entrepot
