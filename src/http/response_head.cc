#include "http/response_head.h"

#include <charconv>
#include <string_view>

namespace entrepot::http {
namespace {

std::string_view StatusLine(int status) {
  switch (status) {
    case 200:
      return "HTTP/1.1 200 OK\r\n";
    case 201:
      return "HTTP/1.1 201 Created\r\n";
    case 202:
      return "HTTP/1.1 202 Accepted\r\n";
    case 204:
      return "HTTP/1.1 204 No Content\r\n";
    case 206:
      return "HTTP/1.1 206 Partial Content\r\n";
    case 301:
      return "HTTP/1.1 301 Moved Permanently\r\n";
    case 302:
      return "HTTP/1.1 302 Found\r\n";
    case 303:
      return "HTTP/1.1 303 See Other\r\n";
    case 304:
      return "HTTP/1.1 304 Not Modified\r\n";
    case 307:
      return "HTTP/1.1 307 Temporary Redirect\r\n";
    case 308:
      return "HTTP/1.1 308 Permanent Redirect\r\n";
    case 400:
      return "HTTP/1.1 400 Bad Request\r\n";
    case 401:
      return "HTTP/1.1 401 Unauthorized\r\n";
    case 403:
      return "HTTP/1.1 403 Forbidden\r\n";
    case 404:
      return "HTTP/1.1 404 Not Found\r\n";
    case 405:
      return "HTTP/1.1 405 Method Not Allowed\r\n";
    case 406:
      return "HTTP/1.1 406 Not Acceptable\r\n";
    case 408:
      return "HTTP/1.1 408 Request Timeout\r\n";
    case 409:
      return "HTTP/1.1 409 Conflict\r\n";
    case 410:
      return "HTTP/1.1 410 Gone\r\n";
    case 411:
      return "HTTP/1.1 411 Length Required\r\n";
    case 412:
      return "HTTP/1.1 412 Precondition Failed\r\n";
    case 413:
      return "HTTP/1.1 413 Content Too Large\r\n";
    case 415:
      return "HTTP/1.1 415 Unsupported Media Type\r\n";
    case 416:
      return "HTTP/1.1 416 Range Not Satisfiable\r\n";
    case 417:
      return "HTTP/1.1 417 Expectation Failed\r\n";
    case 421:
      return "HTTP/1.1 421 Misdirected Request\r\n";
    case 429:
      return "HTTP/1.1 429 Too Many Requests\r\n";
    case 431:
      return "HTTP/1.1 431 Request Header Fields Too Large\r\n";
    case 500:
      return "HTTP/1.1 500 Internal Server Error\r\n";
    case 501:
      return "HTTP/1.1 501 Not Implemented\r\n";
    case 502:
      return "HTTP/1.1 502 Bad Gateway\r\n";
    case 503:
      return "HTTP/1.1 503 Service Unavailable\r\n";
    case 504:
      return "HTTP/1.1 504 Gateway Timeout\r\n";
    case 505:
      return "HTTP/1.1 505 HTTP Version Not Supported\r\n";
    case 507:
      return "HTTP/1.1 507 Insufficient Storage\r\n";
    default:
      return {};
  }
}

void AppendNumber(std::string& out, std::uint64_t number) {
  char digits[20];
  out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

void AppendStatusLine(std::string& out, int status) {
  if (const std::string_view line = StatusLine(status); !line.empty()) {
    out += line;
    return;
  }
  out += "HTTP/1.1 ";
  AppendNumber(out, static_cast<std::uint64_t>(status));
  out += " \r\n";
}

// The length to announce: nothing where a body is impossible and no GET's length was given.
std::optional<std::uint64_t> AnnouncedLength(const Response& response, bool to_head) {
  if (response.status < 200 || response.status == 204) return std::nullopt;
  if (response.status == 304) return response.head_length;
  if (to_head && response.head_length) return response.head_length;
  return BodyLength(response.body);
}

}  // namespace

std::uint64_t BodyLength(const Body& body) {
  struct Length {
    std::uint64_t operator()(std::monostate) const { return 0; }
    std::uint64_t operator()(const std::string& text) const { return text.size(); }
    std::uint64_t operator()(const SharedText& text) const { return text == nullptr ? 0 : text->size(); }
    std::uint64_t operator()(const FileRange& range) const { return range.length; }
    std::uint64_t operator()(const std::unique_ptr<BodySource>& source) const {
      return source == nullptr ? 0 : source->length();
    }
  };
  return std::visit(Length{}, body);
}

bool StatusAllowsBody(int status) { return status >= 200 && status != 204 && status != 304; }

void AppendResponseHead(std::string& out, const Response& response, bool to_head, bool close,
                        const std::string& date_field) {
  AppendStatusLine(out, response.status);
  out += date_field;
  out += response.fields;
  if (const auto length = AnnouncedLength(response, to_head)) {
    out += "Content-Length: ";
    AppendNumber(out, *length);
    out += "\r\n";
  }
  out += close ? "Connection: close\r\n\r\n" : "\r\n";
}

}  // namespace entrepot::http
