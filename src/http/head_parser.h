#pragma once

// From bytes to a RequestHead or a refusal; no sockets. Beast's parser reads the syntax; the guard behind it
// refuses what Beast 1.81 lets through and what two readers of one request could understand differently
// (request smuggling; reference: RFC 9112 sections 2, 3, 5, 6; design-access 4 and 12).
//
// One parser belongs to one connection's request; its views live until the next Parse.

#include <cstddef>
#include <expected>
#include <string_view>
#include <vector>

#include "http/request.h"

namespace entrepot::http {

/// Why a head is refused. The connection answers with the status and closes: where the next request would
/// begin is not to be trusted.
struct HeadRefusal {
  int status = 400;
  std::string_view reason;  // a literal, for the client
};

struct ParsedHead {
  RequestHead head;  // without the peer
  bool expects_continue = false;
};

/// Finds where a head ends while its bytes arrive, so that none is looked at twice.
class HeadScanner {
 public:
  enum class State { kMore, kComplete, kMalformed };

  /// `bytes` is all that has arrived of the head. kMalformed for a line that does not end in CR LF and for a
  /// folded field, as soon as they are seen.
  State Scan(std::string_view bytes);
  /// Of kComplete: the length of the head, its empty line included.
  std::size_t length() const { return scanned_; }

 private:
  std::size_t scanned_ = 0;     // no line feed before it is still to be looked at
  std::size_t line_start_ = 0;  // of the line that is still open
};

/// Whether only bytes that a Host may have are in it: names, addresses, a port, brackets.
bool IsHostText(std::string_view text);

class HeadParser {
 public:
  explicit HeadParser(std::size_t most_fields) : most_fields_(most_fields) {}

  /// `bytes` is one head that HeadScanner found complete; the result points into it and into this parser.
  std::expected<ParsedHead, HeadRefusal> Parse(std::string_view bytes);
  /// Gives a head that Parse made another Host, which a trusted proxy says: the view, and the field that a
  /// signature covers.
  void ReplaceHost(RequestHead& head, std::string_view host);

 private:
  const std::size_t most_fields_;
  std::vector<HeaderField> fields_;
};

}  // namespace entrepot::http
