#include "bench/http_client.h"

#include <arpa/inet.h>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <strings.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <fmt/format.h>

#include "base/check.h"

namespace entrepot::bench {
namespace {

constexpr std::size_t kHeadLimit = 64 * 1024;
constexpr std::size_t kDiscardStep = 1 << 20;

/// Where MSG_TRUNC would put what it drops: the kernel never writes here.
char discarded[kDiscardStep];

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

template <class Number>
bool ParseNumber(std::string_view text, Number& number) {
  return std::from_chars(text.data(), text.data() + text.size(), number).ec == std::errc();
}

Error NetworkError(std::string_view what) {
  return Error(ErrorCode::kUnavailable, fmt::format("{}: {}", what, std::strerror(errno)));
}

}  // namespace

Result<UniqueFd> Connect(const Options& options) {
  UniqueFd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return Fail(NetworkError("socket"));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(options.port);
  CHECK(inet_pton(AF_INET, options.host.c_str(), &address.sin_addr) == 1);
  if (connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    return Fail(NetworkError("connect"));
  const int on = 1;
  setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return socket;
}

void ResponseReader::Expect(bool without_body) {
  without_body_ = without_body;
  head_complete_ = false;
  body_left_ = 0;
  head_ = {};
}

ResponseReader::Progress ResponseReader::ReadFrom(int socket) {
  return head_complete_ ? Discard(socket) : ReadHead(socket);
}

ResponseReader::Progress ResponseReader::ReadHead(int socket) {
  char block[4096];
  const ssize_t count = recv(socket, block, sizeof block, 0);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return Progress::kWaiting;
  if (count <= 0) return Progress::kBroken;
  buffer_.append(block, static_cast<std::size_t>(count));
  const std::size_t end = buffer_.find("\r\n\r\n");
  if (end == std::string::npos) return buffer_.size() < kHeadLimit ? Progress::kWaiting : Progress::kBroken;
  if (!ParseHead(std::string_view(buffer_).substr(0, end + 2))) return Progress::kBroken;
  head_complete_ = true;
  const std::uint64_t arrived = buffer_.size() - end - 4;
  buffer_.clear();
  if (arrived > body_bytes()) return Progress::kBroken;  // nothing was asked for that could come next
  body_left_ = body_bytes() - arrived;
  return body_left_ == 0 ? Progress::kComplete : Progress::kWaiting;
}

ResponseReader::Progress ResponseReader::Discard(int socket) {
  const ssize_t count = recv(socket, discarded, std::min<std::uint64_t>(body_left_, kDiscardStep), MSG_TRUNC);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return Progress::kWaiting;
  if (count <= 0) return Progress::kBroken;
  body_left_ -= static_cast<std::uint64_t>(count);
  return body_left_ == 0 ? Progress::kComplete : Progress::kWaiting;
}

bool ResponseReader::ParseHead(std::string_view text) {
  constexpr std::string_view kStatusLine = "HTTP/1.1 ";
  if (!text.starts_with(kStatusLine) || !ParseNumber(text.substr(kStatusLine.size()), head_.status))
    return false;
  bool framed = head_.status == 204 || head_.status == 304;
  std::size_t line_start = text.find("\r\n") + 2;
  while (line_start < text.size()) {
    const std::size_t line_end = text.find("\r\n", line_start);
    const std::string_view line = text.substr(line_start, line_end - line_start);
    line_start = line_end + 2;
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos) return false;
    const std::string_view name = line.substr(0, colon), value = Trim(line.substr(colon + 1));
    if (EqualsIgnoringCase(name, "content-length")) framed = ParseNumber(value, head_.content_length);
    if (EqualsIgnoringCase(name, "location")) head_.location = value;
    if (EqualsIgnoringCase(name, "connection")) head_.close = EqualsIgnoringCase(value, "close");
  }
  return framed || without_body_;
}

Result<ResponseHead> BlockingClient::Exchange(std::string_view method, std::string_view target,
                                              std::string_view extra_headers, RequestBody body) {
  if (!socket_.valid()) {
    socket_ = TRY(Connect(options_));
    reader_ = {};
  }
  const std::string head = fmt::format("{} {} HTTP/1.1\r\n{}{}Content-Length: {}\r\n\r\n", method, target,
                                       options_.header_block, extra_headers, body.length);
  reader_.Expect(method == "HEAD");
  auto progress = ResponseReader::Progress::kWaiting;
  if (!Send(head, body)) progress = ResponseReader::Progress::kBroken;
  while (progress == ResponseReader::Progress::kWaiting) progress = reader_.ReadFrom(socket_.get());
  const bool broken = progress == ResponseReader::Progress::kBroken;
  if (broken || reader_.head().close) socket_.reset();
  if (broken) return Fail(NetworkError(fmt::format("{} {}", method, target)));
  return reader_.head();
}

bool BlockingClient::Send(std::string_view head, const RequestBody& body) {
  if (body.length == 0) return SendAll(socket_.get(), head);
  if (body.file >= 0)
    return SendAll(socket_.get(), head, MSG_MORE) &&
           SendFileRange(socket_.get(), body.file, body.offset, body.length);
  return SendAll(socket_.get(), head, MSG_MORE) && SendAll(socket_.get(), body.data);
}

bool SendAll(int socket, std::string_view data, int flags) {
  while (!data.empty()) {
    const ssize_t count = send(socket, data.data(), data.size(), flags | MSG_NOSIGNAL);
    if (count <= 0) return false;
    data.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

bool SendFileRange(int socket, int file, std::uint64_t offset, std::uint64_t length) {
  constexpr std::uint64_t kStep = 1u << 30;
  auto position = static_cast<off_t>(offset);
  while (length > 0) {
    const ssize_t count = sendfile(socket, file, &position, std::min(length, kStep));
    if (count <= 0) return false;
    length -= static_cast<std::uint64_t>(count);
  }
  return true;
}

}  // namespace entrepot::bench
