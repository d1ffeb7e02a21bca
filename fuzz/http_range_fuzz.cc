// Range and Content-Range fields, against sizes taken from the input.

#include <cstring>

#include "base/check.h"
#include "http/range.h"

using namespace entrepot::http;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::uint64_t length = 0;
  if (size < sizeof length) return 0;
  std::memcpy(&length, data, sizeof length);
  const std::string_view field(reinterpret_cast<const char*>(data) + sizeof length, size - sizeof length);
  const SelectedRange selected = SelectRange(field, length);
  if (selected.kind == RangeKind::kPart) {
    CHECK(selected.range.first <= selected.range.last && selected.range.last < length);
    CHECK(selected.range.length() <= length);
  }
  if (const auto part = ParseContentRange(field)) CHECK(part->first <= part->last && part->length() != 0);
  return 0;
}
