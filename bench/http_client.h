#pragma once

// The client side of HTTP/1.1, as cheap as a load generator must be: bodies leave by sendfile and arrive with
// MSG_TRUNC, so that neither is copied through user space and the server stays the one that is measured.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"
#include "bench/options.h"

namespace entrepot::bench {

/// A connected TCP socket without Nagle's delay.
Result<UniqueFd> Connect(const Options& options);

struct ResponseHead {
  int status = 0;
  std::uint64_t content_length = 0;
  std::string location;
  bool close = false;  // the server ends the connection after this answer
};

/// Reads one answer after another from a socket, blocking or not, and discards their bodies. Only answers
/// with a Content-Length (or without a body) are understood: what a registry sends for everything measured
/// here.
class ResponseReader {
 public:
  enum class Progress { kWaiting, kComplete, kBroken };

  /// Forgets the last answer; the next is that of a HEAD request when `without_body`.
  void Expect(bool without_body);
  /// One recv. kWaiting: call again when the socket is readable (or at once when it blocks).
  Progress ReadFrom(int socket);

  const ResponseHead& head() const { return head_; }
  std::uint64_t body_bytes() const { return without_body_ ? 0 : head_.content_length; }

 private:
  Progress ReadHead(int socket);
  Progress Discard(int socket);
  bool ParseHead(std::string_view text);

  std::string buffer_;
  bool without_body_ = false;
  bool head_complete_ = false;
  std::uint64_t body_left_ = 0;
  ResponseHead head_;
};

/// The body of a request: memory, or a range of a file (then `data` is empty).
struct RequestBody {
  std::string_view data;
  int file = -1;
  std::uint64_t offset = 0, length = 0;

  static RequestBody Memory(std::string_view data) { return {data, -1, 0, data.size()}; }
  static RequestBody File(int file, std::uint64_t offset, std::uint64_t length) {
    return {{}, file, offset, length};
  }
};

/// A keep-alive connection with blocking calls; opened at its first use, and again after the server closed
/// it.
class BlockingClient {
 public:
  explicit BlockingClient(const Options& options) : options_(options) {}

  /// Sends `method target`, the options' headers, `extra_headers` (lines ended by CRLF) and the body; returns
  /// the head of the answer after its body has arrived. An error closes the connection.
  Result<ResponseHead> Exchange(std::string_view method, std::string_view target,
                                std::string_view extra_headers = {}, RequestBody body = {});

 private:
  bool Send(std::string_view head, const RequestBody& body);

  const Options& options_;
  UniqueFd socket_;
  ResponseReader reader_;
};

/// Writes all of `data` to a blocking socket, with send(2)'s `flags`.
bool SendAll(int socket, std::string_view data, int flags = 0);
/// Sends `length` bytes of `file` from `offset` on a blocking socket.
bool SendFileRange(int socket, int file, std::uint64_t offset, std::uint64_t length);

}  // namespace entrepot::bench
