#include "http/range.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "http/request.h"

namespace entrepot::http {
namespace {

// Digits only; what does not fit is the largest number, so that a last byte far behind the end still means
// "the end".
std::optional<std::uint64_t> ParseOffset(std::string_view text) {
  if (text.empty() || !std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; }))
    return std::nullopt;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() ? value : std::numeric_limits<std::uint64_t>::max();
}

std::string_view WithoutBlanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::optional<ByteRange> ParsePair(std::string_view text) {
  const std::size_t dash = text.find('-');
  if (dash == text.npos) return std::nullopt;
  const auto first = ParseOffset(text.substr(0, dash));
  const auto last = ParseOffset(text.substr(dash + 1));
  if (!first || !last || *last < *first || *last == std::numeric_limits<std::uint64_t>::max())
    return std::nullopt;
  return ByteRange{*first, *last};
}

}  // namespace

SelectedRange SelectRange(std::string_view range_field, std::uint64_t size) {
  constexpr std::string_view kUnit = "bytes=";
  if (!EqualsIgnoreCase(range_field.substr(0, kUnit.size()), kUnit)) return {};
  const std::string_view spec = WithoutBlanks(range_field.substr(kUnit.size()));
  const std::size_t dash = spec.find('-');
  if (dash == spec.npos) return {};

  if (dash == 0) {
    const auto suffix = ParseOffset(spec.substr(1));
    if (!suffix) return {};
    if (*suffix == 0 || size == 0) return {RangeKind::kNotSatisfiable, {}};
    return {RangeKind::kPart, {size - std::min(*suffix, size), size - 1}};
  }
  const auto first = ParseOffset(spec.substr(0, dash));
  const auto last = dash + 1 == spec.size() ? std::optional(std::numeric_limits<std::uint64_t>::max())
                                            : ParseOffset(spec.substr(dash + 1));
  if (!first || !last) return {};
  if (*last < *first || *first >= size) return {RangeKind::kNotSatisfiable, {}};
  return {RangeKind::kPart, {*first, std::min(*last, size - 1)}};
}

std::optional<ByteRange> ParseContentRange(std::string_view field) {
  constexpr std::string_view kUnit = "bytes ";
  if (!EqualsIgnoreCase(field.substr(0, kUnit.size()), kUnit)) return ParsePair(field);
  field.remove_prefix(kUnit.size());
  const std::size_t slash = field.find('/');
  if (slash == field.npos) return std::nullopt;
  const auto range = ParsePair(field.substr(0, slash));
  const std::string_view whole = field.substr(slash + 1);
  if (!range || whole == "*") return range;
  const auto size = ParseOffset(whole);
  return size && range->last < *size ? range : std::nullopt;
}

}  // namespace entrepot::http
