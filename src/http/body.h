#pragma once

// The bodies that stream. Bytes of a layer go from http/ to blobs/ and back through these two, never through
// a handler.

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/result.h"

namespace entrepot::http {

/// A run of an open file that may leave by sendfile: its content is what the client gets.
struct FileRange {
  std::shared_ptr<const UniqueFd> file;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

/// Produces an answer's body in order. Read runs on the body pool, one call at a time; the connection keeps
/// two buffers in flight. Destroyed, on any thread, as soon as the client has gone.
class BodySource {
 public:
  virtual ~BodySource() = default;
  /// The whole length, sent as Content-Length.
  virtual std::uint64_t length() const = 0;
  /// Fills `out`, or at least its beginning, and says how much. An error aborts the connection: a body
  /// that went wrong in the middle is never ended cleanly (design-storage 2.5).
  virtual Result<std::size_t> Read(MutableBytes out) = 0;
};

/// A block of a request's body: page-aligned memory from the server's global budget, given back when it is
/// destroyed, which is what lets the connection receive more.
class Block {
 public:
  static constexpr std::size_t kCapacity = 1 << 20;

  Block() = default;
  /// `give_back` runs once, when the last owner lets go.
  Block(std::shared_ptr<std::uint8_t> memory, std::size_t size) : memory_(std::move(memory)), size_(size) {}
  /// A view of `bytes`, which live as long as `owner`: a body that was received whole.
  Block(const std::shared_ptr<const void>& owner, Bytes bytes)
      : memory_(owner, const_cast<std::uint8_t*>(bytes.data())), size_(bytes.size()) {}
  Bytes bytes() const { return {memory_.get(), size_}; }

 private:
  std::shared_ptr<std::uint8_t> memory_;
  std::size_t size_ = 0;
};

struct Response;

/// Takes a request's body as it arrives. One object per request. Append never runs beside another call.
class BodySink {
 public:
  virtual ~BodySink() = default;
  /// On the event loop: takes a block and returns at once; the work on it runs elsewhere. At most 4 MiB in
  /// blocks are with the sink at a time: the connection receives no more until one is destroyed. A block
  /// never waits in the sink for the next one to come: every stream of the server shares one budget.
  virtual void Append(Block block) = 0;
  /// From the event loop, between blocks: true when going on is useless (disk full, overtaken by a newer
  /// request). The connection then stops receiving, calls Finish for the error's answer, and closes.
  virtual bool failed() const noexcept = 0;
  /// Whether Finish may come while the last blocks are still being worked on.
  virtual bool finishes_ahead() const noexcept { return false; }
  /// On the event loop, once the body is complete: the answer, where making it needs no waiting; else false,
  /// and Finish is called.
  virtual bool TryFinish(Response&) { return false; }
  /// On a worker, once the body is complete (or failed() was seen) and every block has been destroyed, but
  /// for finishes_ahead().
  virtual Response Finish() = 0;
  /// On a worker instead of Finish, when the client went away or broke the protocol and every block has been
  /// destroyed: keep what arrived as upload progress.
  virtual void Abort() = 0;
};

}  // namespace entrepot::http
