#include "aws/text.h"

#include <algorithm>

namespace entrepot::aws {
namespace {

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// Decodes the character at the front and removes it; U+0000 when it is no UTF-8 (RFC 3629 section 4).
char32_t TakeCodePoint(std::string_view& text) {
  const auto first = static_cast<unsigned char>(text.front());
  const std::size_t length = first < 0x80   ? 1
                             : first < 0xC2 ? 0
                             : first < 0xE0 ? 2
                             : first < 0xF0 ? 3
                             : first < 0xF5 ? 4
                                            : 0;
  if (length == 0 || text.size() < length) return 0;
  char32_t point = length == 1 ? first : first & (0x7F >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if (!IsContinuation(text[i])) return 0;
    point = point << 6 | (static_cast<unsigned char>(text[i]) & 0x3F);
  }
  constexpr char32_t kLeast[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
  if (point < kLeast[length] || point > 0x10FFFF || surrogate) return 0;
  text.remove_prefix(length);
  return point;
}

}  // namespace

std::int64_t CountCodePoints(std::string_view text) {
  return static_cast<std::int64_t>(text.size()) - std::ranges::count_if(text, IsContinuation);
}

bool IsXmlText(std::string_view text) {
  while (!text.empty()) {
    const char32_t point = TakeCodePoint(text);
    const bool blank = point == '\t' || point == '\n' || point == '\r';
    if ((point < 0x20 && !blank) || point == 0xFFFE || point == 0xFFFF) return false;
  }
  return true;
}

std::string Abridged(std::string_view text, std::size_t limit) {
  if (text.size() <= limit) return std::string(text);
  while (limit > 0 && IsContinuation(text[limit])) --limit;
  return std::string(text.substr(0, limit)) + "…";
}

std::int64_t Base64DecodedLength(std::string_view text) {
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  return static_cast<std::int64_t>(text.size() / 4 * 3 - std::min(padding, text.size() / 4 * 3));
}

}  // namespace entrepot::aws
