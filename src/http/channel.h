#pragma once

// One connection's socket, plain or TLS, with its deadline and its place to wait. It belongs to its loop's
// thread; the coroutine of the connection is its only user, and does not end before everything that it
// started elsewhere (jobs, blocks, waits for memory) has come back.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <sys/uio.h>
#include <type_traits>

#include <boost/intrusive/list_hook.hpp>
#include <openssl/types.h>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/ip_address.h"
#include "base/pool.h"
#include "http/asio.h"
#include "http/body.h"
#include "http/request.h"
#include "http/signal.h"
#include "http/tls.h"

namespace entrepot::http {

class BodyMemory;
class Loop;
class RecordBatch;

/// What a connection is doing, which decides how long it may take.
enum class Phase {
  kHandshake,  // Limits::handshake
  kIdle,       // Limits::idle: between requests; a drain ends it
  kHead,       // Limits::head: from a request's first byte to the end of its head
  kReceiving,  // Limits::stall: bytes must move
  kSending,    // Limits::stall
  kWorking,    // none: the connection waits for us, not for the client
  kLingering,  // kLingerSeconds
};

enum class Io {
  kOk,
  kClosed,       // by the client, by an error or by a deadline: the connection is of no more use
  kInterrupted,  // the watched sink has failed
};

struct ReadResult {
  Io status = Io::kOk;
  std::size_t bytes = 0;
};

/// The other end of a socket.
struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;
};

class Channel : public boost::intrusive::list_base_hook<> {
 public:
  Channel(Loop& loop, UniqueFd socket, const Endpoint& peer, const std::shared_ptr<TlsContext>& tls);
  ~Channel();

  Loop& loop() { return loop_; }
  BodyMemory& memory();
  const Endpoint& peer() const { return peer_; }
  /// The other end of the socket, as requests show it.
  void Describe(Peer& peer) const;
  bool tls() const { return tls_ != nullptr; }
  /// sendfile works: a plain socket, or the kernel encrypts.
  bool sends_files() const { return !tls() || kernel_tls_; }
  bool aborted() const { return aborted_; }

  void Enter(Phase phase);
  Phase phase() const { return phase_; }

  /// Does nothing on a plain socket.
  Awaitable<bool> Handshake();
  /// Until there is something to read (the end of the stream too).
  Awaitable<Io> WaitReadable();
  Awaitable<ReadResult> ReadSome(MutableBytes out);
  /// Sends all of it; changes `parts` as it goes. `more` = a file follows at once.
  Awaitable<bool> WriteAll(std::span<iovec> parts, bool more = false);
  Awaitable<bool> WriteAll(std::string_view text);
  /// Like WriteAll, as many records a send as `batch` holds. It is of this channel's session.
  Awaitable<bool> WriteBatches(RecordBatch& batch, std::span<iovec> parts);
  /// Null on a plain socket.
  SSL* session() { return tls_.get(); }
  /// While corked, the kernel sends full segments only. Uncorking sends the rest.
  void Cork(bool on);
  /// Sends the file's bytes; only where sends_files(). False also when the file is shorter than `offset +
  /// length`.
  Awaitable<bool> SendFile(int file, std::uint64_t offset, std::uint64_t length);

  /// Ends the sending side, then reads and drops what the client still sends, so that it sees the answer
  /// instead of a reset. Bounded in bytes and time.
  Awaitable<void> LingeringClose();
  /// The socket will be closed by a reset: what was sent so far must not look complete.
  void ResetOnClose();

  /// Takes memory for bodies, waiting for it in turn. False when the connection was aborted: nothing was
  /// taken then.
  Awaitable<bool> TakeMemory(std::size_t bytes);

  /// A job's result as the coroutine that started it sees it. Stays in place until Finished has returned.
  template <class T>
  struct Pending {
    bool done = false;
    std::optional<T> result;  // nothing: the pool was full or has stopped
  };
  enum class Admission { kMayRefuse, kAlways };
  /// Runs `work` on the pool; `pending` is filled before Finished returns.
  template <class Work, class T>
  void Start(ThreadPool& pool, Admission admission, Pending<T>& pending, Work work);
  template <class T>
  Awaitable<void> Finished(Pending<T>& pending) {
    while (!pending.done) co_await signal_.Wait();
  }
  template <class Work>
  Awaitable<std::optional<std::invoke_result_t<Work&>>> RunOn(ThreadPool& pool, Admission admission,
                                                              Work work) {
    Pending<std::invoke_result_t<Work&>> pending;
    Start(pool, admission, pending, std::move(work));
    co_await Finished(pending);
    co_return std::move(pending.result);
  }

  Signal& signal() { return signal_; }
  /// Interrupts reads as soon as the tick finds that the sink has failed. Null = none.
  void Watch(const BodySink* sink) {
    watched_sink_ = sink;
    interrupted_ = false;
  }

  /// By the loop, every second.
  void Tick();
  /// Every operation now and later ends with kClosed.
  void Abort();

 private:
  /// Posts "done" to the loop when the job that carries it ends, was refused or was dropped.
  class Completion;

  Awaitable<Io> Wait(asio::posix::descriptor_base::wait_type what);
  Awaitable<Io> Ready();
  /// Behind an operation that OpenSSL could not finish.
  Awaitable<Io> WaitForTls(int result);
  Awaitable<bool> WriteRecords(std::span<iovec> parts);
  Awaitable<bool> WriteRaw(std::span<iovec> parts, bool more);
  /// Takes what was sent from `parts`; true = the others come first before the rest.
  bool Sent(std::span<iovec>& parts, std::size_t bytes);
  /// Counts progress; true = it has been this connection's turn for long enough.
  bool Moved(std::size_t bytes);
  Awaitable<void> Yield();
  std::shared_ptr<Loop> HoldLoop();
  void PostDone(bool* done);
  void TimeOut();

  Loop& loop_;
  const Endpoint peer_;
  std::shared_ptr<SSL> tls_;
  Descriptor socket_;
  Signal signal_;
  const BodySink* watched_sink_ = nullptr;
  Phase phase_ = Phase::kIdle;
  bool aborted_ = false, interrupted_ = false, kernel_tls_ = false;
  std::uint32_t since_ = 0;             // the tick when the phase began, or when enough had moved
  std::uint64_t moved_ = 0, mark_ = 0;  // bytes in both directions; at `since_`
  std::size_t turn_ = 0;                // what this turn has cost since the last wait
};

class Channel::Completion {
 public:
  Completion(Channel& channel, bool* done) : channel_(&channel), done_(done), loop_(channel.HoldLoop()) {}
  Completion(Completion&& other) noexcept
      : channel_(std::exchange(other.channel_, nullptr)), done_(other.done_), loop_(std::move(other.loop_)) {}
  Completion(const Completion&) = delete;
  ~Completion() {
    if (channel_ != nullptr) channel_->PostDone(done_);
  }

 private:
  Channel* channel_;
  bool* done_;
  std::shared_ptr<Loop>
      loop_;  // lives until the post has returned, though the connection may be gone by then
};

template <class Work, class T>
void Channel::Start(ThreadPool& pool, Admission admission, Pending<T>& pending, Work work) {
  Job job = [completion = Completion(*this, &pending.done), &pending, work = std::move(work)]() mutable {
    pending.result.emplace(work());
  };
  if (admission == Admission::kAlways)
    pool.Post(std::move(job));
  else if (!pool.TryPost(std::move(job)))
    pending.result.reset();  // `done` arrives all the same
}

}  // namespace entrepot::http
