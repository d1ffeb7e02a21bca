#pragma once

// One HTTP request as the doors see it. A RequestHead is a view into the connection's buffer: it is valid
// until the answer to this request has been sent, on whichever thread works on it, and is never kept beyond
// that.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/ip_address.h"

namespace entrepot::http {

enum class Method { kGet, kHead, kPost, kPut, kPatch, kDelete, kOptions, kOther };

struct HeaderField {
  std::string_view name;   // as sent
  std::string_view value;  // without surrounding blanks
};

/// Who asks: the other end of the socket, or the client for whom a trusted proxy does (http/forwarding.h).
struct Peer {
  std::string address;     // numeric, without port; an IPv4-mapped address as IPv4
  IpAddress ip;            // the same
  std::uint16_t port = 0;  // of the socket's other end; 0 behind a proxy
  bool loopback = false;
  bool tls = false;
  std::string tls_server_name;  // "" when none was sent, and behind a proxy
};

struct RequestHead {
  Method method = Method::kOther;
  std::string_view method_text;
  std::string_view target;  // as sent; only 0x21-0x7e
  std::string_view path;    // target up to '?', of an absolute-form target its path; still percent-encoded
  std::string_view query;   // behind '?', still percent-encoded
  std::string_view host;    // the Host field; exactly one was sent, and an absolute-form authority equals it.
                            // Behind a trusted proxy, what that says of it
  std::span<const HeaderField> headers;
  std::optional<std::uint64_t> content_length;
  bool chunked = false;
  bool keep_alive = true;
  const Peer* peer = nullptr;

  /// The first field of that name (any case), or "" when there is none.
  std::string_view Header(std::string_view name) const;
  bool HasHeader(std::string_view name) const;
  /// How many fields of that name were sent: duplicates of Authorization, Content-Type, Content-Range, Range
  /// and X-Amz-* were refused before a handler sees the request (design-access 12).
  int CountHeader(std::string_view name) const;
  bool has_body() const { return chunked || content_length.value_or(0) > 0; }
};

/// The percent-decoded value of a query parameter; nothing when it is absent or badly encoded.
std::optional<std::string> QueryParameter(std::string_view query, std::string_view name);

/// ASCII case-insensitive equality, as header names and tokens compare.
bool EqualsIgnoreCase(std::string_view a, std::string_view b);

}  // namespace entrepot::http
