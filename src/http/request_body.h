#pragma once

// The body of one request as a stream of decoded bytes: what was buffered before, what arrived behind the
// head, then the socket, received straight into the caller's memory.

#include <cstdint>
#include <optional>
#include <string>

#include "http/channel.h"
#include "http/chunked_decoder.h"
#include "http/head_parser.h"
#include "http/request_buffer.h"

namespace entrepot::http {

enum class BodyStatus {
  kBytes,
  kEnd,
  kClosed,       // the client has gone, or was too slow
  kMalformed,    // the chunked coding is broken
  kInterrupted,  // the watched sink has failed
};

struct BodyPiece {
  BodyStatus status = BodyStatus::kEnd;
  std::size_t bytes = 0;
};

class RequestBody {
 public:
  RequestBody(Channel& channel, RequestBuffer& buffer, const ParsedHead& parsed)
      : channel_(channel),
        buffer_(buffer),
        chunked_(parsed.head.chunked),
        remaining_(parsed.head.content_length.value_or(0)),
        continue_expected_(parsed.expects_continue) {}

  /// Until there are bytes to read, the body has ended or cannot go on; tells the client to go on when it
  /// waits for that. kBytes = Read will not wait.
  Awaitable<BodyStatus> Ready();
  /// At least one byte into `out`, unless the status is another than kBytes.
  Awaitable<BodyPiece> Read(MutableBytes out);
  /// Puts back, before all else, what a caller has read.
  void Unread(std::string bytes);

  /// Nothing is left: the connection can go on with the next request.
  bool complete() const { return put_back_.empty() && received(); }
  /// The client sent more behind a chunked body than there is room for: the connection closes behind the
  /// answer.
  bool overran() const { return overran_; }
  /// What is still to be read, where the request says it.
  std::optional<std::uint64_t> remaining() const;

 private:
  bool received() const { return chunked_ ? decoder_.done() : remaining_ == 0; }
  BodyPiece TakePutBack(MutableBytes out);
  BodyPiece TakePending(MutableBytes out);
  BodyPiece Decode(MutableBytes encoded, std::size_t& surplus);
  Awaitable<bool> SendContinue();

  Channel& channel_;
  RequestBuffer& buffer_;
  const bool chunked_;
  std::uint64_t remaining_;  // of a body with a length: not yet received
  ChunkedDecoder decoder_;
  bool continue_expected_;
  bool overran_ = false;
  std::string put_back_;
  std::size_t put_back_read_ = 0;
};

}  // namespace entrepot::http
