#include "http/head_parser.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include <boost/beast/http/basic_parser.hpp>

namespace entrepot::http {
namespace {

namespace beast = boost::beast;
using Name = beast::http::field;

constexpr HeadRefusal kMalformed{400, "malformed request head"};
constexpr HeadRefusal kBadTarget{400, "malformed request target"};
constexpr HeadRefusal kBadHost{400, "exactly one valid Host is required"};
constexpr HeadRefusal kBadFraming{400, "ambiguous request framing"};
constexpr HeadRefusal kDuplicate{400, "a header field that must be single was repeated"};
constexpr HeadRefusal kTooManyFields{431, "too many header fields"};
constexpr HeadRefusal kUnknownExpectation{417, "unknown expectation"};
constexpr HeadRefusal kVersion{505, "only HTTP/1.0 and HTTP/1.1 are spoken"};

std::string_view View(beast::string_view text) { return {text.data(), text.size()}; }

bool IsTargetByte(char c) { return c > 0x20 && c < 0x7f; }
bool IsHostByte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
         c == '_' || c == ':' || c == '[' || c == ']';
}

Method MethodOf(beast::http::verb verb) {
  switch (verb) {
    case beast::http::verb::get:
      return Method::kGet;
    case beast::http::verb::head:
      return Method::kHead;
    case beast::http::verb::post:
      return Method::kPost;
    case beast::http::verb::put:
      return Method::kPut;
    case beast::http::verb::patch:
      return Method::kPatch;
    case beast::http::verb::delete_:
      return Method::kDelete;
    case beast::http::verb::options:
      return Method::kOptions;
    default:
      return Method::kOther;
  }
}

// Beast's syntax, delivered as views into the bytes: nothing is copied or allocated.
class Syntax final : public beast::http::basic_parser<true> {
 public:
  Syntax(std::vector<HeaderField>& fields, std::size_t most_fields)
      : fields_(fields), most_fields_(most_fields) {
    header_limit(static_cast<std::uint32_t>(-1));  // the connection's buffer is the limit
    body_limit(boost::none);
    skip(true);
  }

  std::string_view method_text, target;
  beast::http::verb verb = beast::http::verb::unknown;
  std::string_view host, content_length, transfer_encoding, expect;
  bool host_seen = false, content_length_seen = false, transfer_encoding_seen = false, expect_seen = false;
  const HeadRefusal* refusal = nullptr;
  bool http_1_0 = false;

 private:
  using ErrorCode = beast::error_code;

  void Refuse(const HeadRefusal& why, ErrorCode& error) {
    refusal = &why;
    error = beast::http::error::bad_field;
  }

  void on_request_impl(beast::http::verb method, beast::string_view text, beast::string_view request_target,
                       int version, ErrorCode&) override {
    verb = method;
    method_text = View(text);
    target = View(request_target);
    http_1_0 = version < 11;
  }

  void on_field_impl(Name id, beast::string_view name, beast::string_view value, ErrorCode& error) override {
    if (fields_.size() == most_fields_) return Refuse(kTooManyFields, error);
    fields_.push_back({View(name), View(value)});
    switch (id) {
      case Name::host:
        return TakeSingle(host, host_seen, value, kBadHost, error);
      case Name::content_length:
        return TakeSingle(content_length, content_length_seen, value, kBadFraming, error);
      case Name::transfer_encoding:
        return TakeSingle(transfer_encoding, transfer_encoding_seen, value, kBadFraming, error);
      case Name::expect:
        return TakeSingle(expect, expect_seen, value, kDuplicate, error);
      case Name::authorization:
      case Name::content_type:
      case Name::content_range:
      case Name::range:
        return RefuseRepeated(error);
      default:
        if (EqualsIgnoreCase(View(name).substr(0, 6), "x-amz-")) RefuseRepeated(error);
    }
  }

  void TakeSingle(std::string_view& into, bool& seen, beast::string_view value, const HeadRefusal& refused,
                  ErrorCode& error) {
    if (seen) return Refuse(refused, error);
    seen = true;
    into = View(value);
  }
  void RefuseRepeated(ErrorCode& error) {
    const HeaderField& last = fields_.back();
    for (std::size_t i = 0; i + 1 < fields_.size(); ++i)
      if (EqualsIgnoreCase(fields_[i].name, last.name)) return Refuse(kDuplicate, error);
  }

  void on_header_impl(ErrorCode&) override {}
  void on_finish_impl(ErrorCode&) override {}
  // A head only: what follows is never given to this parser, and it parses no answers.
  void on_response_impl(int, beast::string_view, int, ErrorCode&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, ErrorCode&) override {}
  std::size_t on_body_impl(beast::string_view, ErrorCode&) override { return 0; }
  void on_chunk_header_impl(std::uint64_t, beast::string_view, ErrorCode&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, beast::string_view, ErrorCode&) override { return 0; }

  std::vector<HeaderField>& fields_;
  const std::size_t most_fields_;
};

const HeadRefusal* ReadHost(const Syntax& syntax, RequestHead& head) {
  if (!syntax.host_seen || !IsHostText(syntax.host)) return &kBadHost;
  head.host = syntax.host;
  return nullptr;
}

// Origin form, absolute form whose authority is the Host, or the asterisk of OPTIONS (RFC 9112 3.2).
const HeadRefusal* ReadTarget(const Syntax& syntax, RequestHead& head) {
  if (!std::ranges::all_of(syntax.target, IsTargetByte)) return &kBadTarget;
  head.target = syntax.target;
  std::string_view local = syntax.target;
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!EqualsIgnoreCase(local.substr(0, scheme.size()), scheme)) continue;
    local.remove_prefix(scheme.size());
    const std::string_view authority = local.substr(0, local.find_first_of("/?"));
    if (!EqualsIgnoreCase(authority, head.host)) return &kBadHost;
    local.remove_prefix(authority.size());
    if (local.empty()) local = "/";
    break;
  }
  if (!local.starts_with('/') && !(local == "*" && head.method == Method::kOptions)) return &kBadTarget;
  const std::size_t question = local.find('?');
  head.path = local.substr(0, question);
  head.query = question == local.npos ? std::string_view() : local.substr(question + 1);
  return nullptr;
}

// One Content-Length of plain digits, or "chunked" alone on HTTP/1.1, never both (RFC 9112 6.1, 6.3).
const HeadRefusal* ReadFraming(const Syntax& syntax, RequestHead& head) {
  if (syntax.transfer_encoding_seen) {
    if (syntax.content_length_seen || syntax.http_1_0 ||
        !EqualsIgnoreCase(syntax.transfer_encoding, "chunked"))
      return &kBadFraming;
    head.chunked = true;
  }
  if (syntax.content_length_seen) {
    const std::string_view text = syntax.content_length;
    std::uint64_t length = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
    // Half the range is kept free, so that sums of offsets and lengths cannot overflow.
    if (error != std::errc() || end != text.data() + text.size() || length > (std::uint64_t{1} << 62))
      return &kBadFraming;
    head.content_length = length;
  }
  return nullptr;
}

const HeadRefusal* ReadExpectation(const Syntax& syntax, ParsedHead& parsed) {
  if (!syntax.expect_seen || syntax.http_1_0) return nullptr;
  if (!EqualsIgnoreCase(syntax.expect, "100-continue")) return &kUnknownExpectation;
  parsed.expects_continue = true;
  return nullptr;
}

}  // namespace

bool IsHostText(std::string_view text) { return !text.empty() && std::ranges::all_of(text, IsHostByte); }

HeadScanner::State HeadScanner::Scan(std::string_view bytes) {
  for (;;) {
    if (line_start_ > 0 && line_start_ < bytes.size() &&
        (bytes[line_start_] == ' ' || bytes[line_start_] == '\t'))
      return State::kMalformed;
    const void* found = std::memchr(bytes.data() + scanned_, '\n', bytes.size() - scanned_);
    if (found == nullptr) {
      scanned_ = bytes.size();
      return State::kMore;
    }
    const auto feed = static_cast<std::size_t>(static_cast<const char*>(found) - bytes.data());
    if (feed == line_start_ || bytes[feed - 1] != '\r') return State::kMalformed;
    const bool empty_line = feed == line_start_ + 1;
    line_start_ = scanned_ = feed + 1;
    if (empty_line) return State::kComplete;
  }
}

std::expected<ParsedHead, HeadRefusal> HeadParser::Parse(std::string_view bytes) {
  fields_.clear();
  Syntax syntax(fields_, most_fields_);
  beast::error_code error;
  const std::size_t used = syntax.put({bytes.data(), bytes.size()}, error);
  if (syntax.refusal != nullptr) return std::unexpected(*syntax.refusal);
  if (error == beast::http::error::bad_version) return std::unexpected(kVersion);
  if (error || !syntax.is_header_done() || used != bytes.size()) return std::unexpected(kMalformed);

  ParsedHead parsed;
  RequestHead& head = parsed.head;
  head.method = MethodOf(syntax.verb);
  head.method_text = syntax.method_text;
  head.headers = fields_;
  head.keep_alive = !syntax.http_1_0 && syntax.keep_alive();
  for (const HeadRefusal* refusal : {ReadHost(syntax, head), ReadTarget(syntax, head),
                                     ReadFraming(syntax, head), ReadExpectation(syntax, parsed)})
    if (refusal != nullptr) return std::unexpected(*refusal);
  return parsed;
}

void HeadParser::ReplaceHost(RequestHead& head, std::string_view host) {
  for (HeaderField& field : fields_)
    if (EqualsIgnoreCase(field.name, "Host")) field.value = host;
  head.host = host;
}

}  // namespace entrepot::http
