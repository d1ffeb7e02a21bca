#pragma once

// The wire form of an answer's head.

#include <cstdint>
#include <optional>
#include <string>

#include "http/response.h"

namespace entrepot::http {

/// How many bytes the body has; 0 for none.
std::uint64_t BodyLength(const Body& body);

/// Appends the status line, `date_field` (with its line end), the response's fields, Content-Length where the
/// status allows one, "Connection: close" when `close`, and the empty line. `to_head` = the request was HEAD.
void AppendResponseHead(std::string& out, const Response& response, bool to_head, bool close,
                        const std::string& date_field);

/// False for the statuses that never have a body (RFC 9110 6.4.1).
bool StatusAllowsBody(int status);

}  // namespace entrepot::http
