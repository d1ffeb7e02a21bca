#include "base/encoding.h"

#include <array>

namespace entrepot {
namespace {

constexpr char kHex[] = "0123456789abcdef";
constexpr char kUpperHex[] = "0123456789ABCDEF";
constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kBase64Url = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr std::array<std::int8_t, 256> Inverse(std::string_view alphabet) {
  std::array<std::int8_t, 256> table{};
  table.fill(-1);
  for (std::size_t i = 0; i < alphabet.size(); ++i)
    table[static_cast<unsigned char>(alphabet[i])] = static_cast<std::int8_t>(i);
  return table;
}
constexpr auto kFromBase64 = Inverse(kBase64);
constexpr auto kFromBase64Url = Inverse(kBase64Url);

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string Encode(Bytes bytes, std::string_view alphabet, bool pad) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  std::size_t i = 0;
  for (; i + 3 <= bytes.size(); i += 3) {
    const unsigned group = unsigned{bytes[i]} << 16 | unsigned{bytes[i + 1]} << 8 | bytes[i + 2];
    for (int shift = 18; shift >= 0; shift -= 6) text += alphabet[group >> shift & 63];
  }
  const std::size_t rest = bytes.size() - i;
  if (rest > 0) {
    const unsigned group = unsigned{bytes[i]} << 16 | (rest == 2 ? unsigned{bytes[i + 1]} << 8 : 0u);
    text += alphabet[group >> 18 & 63];
    text += alphabet[group >> 12 & 63];
    if (rest == 2) text += alphabet[group >> 6 & 63];
    if (pad) text.append(3 - rest, '=');
  }
  return text;
}

std::optional<ByteVector> Decode(std::string_view text, const std::array<std::int8_t, 256>& inverse,
                                 bool pad) {
  if (pad) {
    if (text.size() % 4 != 0) return std::nullopt;
    if (text.ends_with("=="))
      text.remove_suffix(2);
    else if (text.ends_with("="))
      text.remove_suffix(1);
  }
  if (text.size() % 4 == 1) return std::nullopt;
  const auto value = [&](std::size_t at) -> int { return inverse[static_cast<unsigned char>(text[at])]; };
  ByteVector bytes(text.size() * 3 / 4);
  std::size_t in = 0, out = 0;
  for (; in + 4 <= text.size(); in += 4, out += 3) {
    const int first = value(in), second = value(in + 1), third = value(in + 2), fourth = value(in + 3);
    if ((first | second | third | fourth) < 0) return std::nullopt;
    bytes[out] = static_cast<std::uint8_t>(first << 2 | second >> 4);
    bytes[out + 1] = static_cast<std::uint8_t>(second << 4 | third >> 2);
    bytes[out + 2] = static_cast<std::uint8_t>(third << 6 | fourth);
  }
  if (in == text.size()) return bytes;
  const bool two_bytes = text.size() - in == 3;
  const int first = value(in), second = value(in + 1), third = two_bytes ? value(in + 2) : 0;
  if ((first | second | third) < 0) return std::nullopt;
  if ((two_bytes ? third & 3 : second & 15) != 0) return std::nullopt;  // one text for one run of bytes
  bytes[out] = static_cast<std::uint8_t>(first << 2 | second >> 4);
  if (two_bytes) bytes[out + 1] = static_cast<std::uint8_t>(second << 4 | third >> 2);
  return bytes;
}

}  // namespace

std::string HexEncode(Bytes bytes) {
  std::string text;
  AppendHex(text, bytes);
  return text;
}

void AppendHex(std::string& text, Bytes bytes) {
  const std::size_t before = text.size();
  text.resize(before + bytes.size() * 2);
  char* out = text.data() + before;
  for (const std::uint8_t byte : bytes) {
    *out++ = kHex[byte >> 4];
    *out++ = kHex[byte & 15];
  }
}

std::optional<ByteVector> HexDecode(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  ByteVector bytes(text.size() / 2);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const int high = HexValue(text[2 * i]), low = HexValue(text[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    bytes[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return bytes;
}

std::string Base64Encode(Bytes bytes) { return Encode(bytes, kBase64, true); }
std::optional<ByteVector> Base64Decode(std::string_view text) { return Decode(text, kFromBase64, true); }
std::string Base64UrlEncode(Bytes bytes) { return Encode(bytes, kBase64Url, false); }
std::optional<ByteVector> Base64UrlDecode(std::string_view text) {
  return Decode(text, kFromBase64Url, false);
}

std::string PercentEncode(std::string_view text, bool keep_slash) {
  std::string encoded;
  encoded.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool unreserved = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                            c == '-' || c == '_' || c == '.' || c == '~' || (keep_slash && c == '/');
    if (unreserved) {
      encoded += c;
    } else {
      encoded += '%';
      encoded += kUpperHex[byte >> 4];
      encoded += kUpperHex[byte & 15];
    }
  }
  return encoded;
}

std::optional<std::string> PercentDecode(std::string_view text, bool plus_is_space) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = HexValue(text[i + 1]), low = HexValue(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      decoded += static_cast<char>(high << 4 | low);
      i += 2;
    } else if (plus_is_space && text[i] == '+') {
      decoded += ' ';
    } else {
      decoded += text[i];
    }
  }
  return decoded;
}

}  // namespace entrepot
