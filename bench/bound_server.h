#pragma once

// The HTTP that a bound needs and no more: loopback, blocking, a thread per connection. A bound does the
// least that any server of its kind must do, so that a rate can be told as a share of what this machine
// allows.

#include <cstdint>
#include <functional>
#include <string>

#include "base/bytes.h"
#include "base/fd.h"

namespace entrepot::bench {

/// A request on a blocking socket: its head, and the part of its body that has not been read.
class BoundRequests {
 public:
  explicit BoundRequests(UniqueFd socket);

  /// Waits for the next request; false when the client is gone. The last body has been read in full by then.
  bool Next();
  bool is_post() const { return is_post_; }
  std::uint64_t body_left() const { return body_left_; }
  /// Reads body bytes until `block` is full or the body ends; their number, 0 when the client is gone.
  std::size_t Read(MutableBytes block);

  bool Answer(std::string_view text);
  int socket() const { return socket_.get(); }

 private:
  UniqueFd socket_;
  std::string buffer_;  // received beyond the head
  bool is_post_ = false;
  std::uint64_t body_left_ = 0;
};

/// Serves 127.0.0.1:`port` until the process is told to stop, or its parent ends; returns 1 when it cannot
/// listen.
int ServeBound(std::uint16_t port, std::function<void(BoundRequests&)> serve);

}  // namespace entrepot::bench
