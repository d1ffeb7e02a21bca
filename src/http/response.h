#pragma once

// What a handler answers. The connection adds Content-Length, Date and Connection, and leaves the body out
// for HEAD.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "http/body.h"

namespace entrepot::http {

/// Bytes that several answers share: a cached manifest or small blob.
using SharedText = std::shared_ptr<const std::string>;
using Body = std::variant<std::monostate, std::string, SharedText, FileRange, std::unique_ptr<BodySource>>;

struct Response {
  int status = 200;
  /// Header fields in wire form, each ended by CR LF: built by Add, or shared by a cache ready made.
  std::string fields;
  Body body;
  /// For an answer to HEAD, and for 304: the Content-Length that a GET would have.
  std::optional<std::uint64_t> head_length;
  /// Close the connection behind this answer.
  bool close = false;

  /// `value` must hold no CR, LF or NUL: what comes from a client is checked or encoded before it comes here.
  Response& Add(std::string_view name, std::string_view value);
};

Response TextResponse(int status, std::string_view content_type, std::string body);

}  // namespace entrepot::http
