// Heads: scanner, Beast's syntax and the guard. What is accepted must be what the guard promises, however the
// bytes arrived.

#include <algorithm>

#include "base/check.h"
#include "http/head_parser.h"

using namespace entrepot::http;

namespace {

bool Within(std::string_view view, std::string_view whole) {
  return view.empty() ||
         (view.data() >= whole.data() && view.data() + view.size() <= whole.data() + whole.size());
}

HeadScanner::State ScanByteByByte(HeadScanner& scanner, std::string_view bytes) {
  for (std::size_t size = 1; size < bytes.size(); ++size)
    if (const auto state = scanner.Scan(bytes.substr(0, size)); state != HeadScanner::State::kMore)
      return state;
  return scanner.Scan(bytes);
}

void CheckAccepted(const ParsedHead& parsed, std::string_view bytes) {
  const RequestHead& head = parsed.head;
  CHECK(head.CountHeader("Host") == 1 && !head.host.empty());
  CHECK(!(head.chunked && head.content_length));
  CHECK(head.CountHeader("Content-Length") == (head.content_length ? 1 : 0));
  CHECK(head.CountHeader("Transfer-Encoding") == (head.chunked ? 1 : 0));
  for (const char* single : {"Authorization", "Content-Type", "Content-Range", "Range", "X-Amz-Date"})
    CHECK(head.CountHeader(single) <= 1);
  CHECK(head.path == "*" || head.path.starts_with('/'));
  CHECK(std::ranges::all_of(head.target, [](char c) { return c > 0x20 && c < 0x7f; }));
  for (const std::string_view view : {head.method_text, head.target, head.query, head.host})
    CHECK(Within(view, bytes));
  // An absolute target that ends with its authority means "/" (RFC 9112 3.2.1), which none of its bytes says.
  CHECK(Within(head.path, bytes) || (head.path == "/" && !head.target.starts_with('/')));
  for (const HeaderField& field : head.headers)
    CHECK(Within(field.name, bytes) && Within(field.value, bytes));
  for (const HeaderField& field : head.headers) CHECK(field.value.find_first_of("\r\n") == field.value.npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (bytes.empty()) return 0;
  HeadScanner at_once, by_byte;
  const HeadScanner::State state = at_once.Scan(bytes);
  const HeadScanner::State state_by_byte = ScanByteByByte(by_byte, bytes);
  CHECK(state == state_by_byte);
  if (state != HeadScanner::State::kComplete) return 0;
  CHECK(at_once.length() == by_byte.length() && at_once.length() <= size);

  const std::string_view head = bytes.substr(0, at_once.length());
  HeadParser parser(100);
  const auto parsed = parser.Parse(head);
  if (parsed)
    CheckAccepted(*parsed, head);
  else
    CHECK(parsed.error().status >= 400 && parsed.error().status <= 505);
  return 0;
}
