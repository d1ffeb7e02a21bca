#pragma once

// Byte ranges: of a download (RFC 9110 14.2) and of an upload's part (OCI Distribution v1.1, "Pushing a blob
// in chunks"). Pure.

#include <cstdint>
#include <optional>
#include <string_view>

namespace entrepot::http {

/// Bytes `first` to `last`, both included.
struct ByteRange {
  std::uint64_t first = 0;
  std::uint64_t last = 0;

  std::uint64_t length() const { return last - first + 1; }
  friend bool operator==(const ByteRange&, const ByteRange&) = default;
};

enum class RangeKind {
  kWhole,           // no range, several ranges, another unit or bad syntax: answered as if none had been sent
  kPart,            // 206
  kNotSatisfiable,  // 416: behind the end, or backwards
};

struct SelectedRange {
  RangeKind kind = RangeKind::kWhole;
  ByteRange range;  // of kPart: within the size
};

/// What a Range field ("bytes=2-5", "bytes=2-", "bytes=-5"; "" = none) selects of `size` bytes.
SelectedRange SelectRange(std::string_view range_field, std::uint64_t size);

/// The Content-Range of an upload's part: "2-5", as the OCI specification writes it, or "bytes 2-5/*" and
/// "bytes 2-5/9", as RFC 9110 does. Nothing when it is of another form or `last` lies before `first`.
std::optional<ByteRange> ParseContentRange(std::string_view field);

}  // namespace entrepot::http
