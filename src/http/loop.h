#pragma once

// One event loop: a thread that accepts connections on its own SO_REUSEPORT sockets and serves them until
// they end. Everything here belongs to the loop's thread unless it says otherwise.

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <sys/socket.h>
#include <vector>

#include <boost/intrusive/list.hpp>

#include "base/fd.h"
#include "http/asio.h"
#include "http/body_memory.h"
#include "http/channel.h"
#include "http/request_buffer.h"
#include "http/server.h"
#include "http/source_budget.h"

namespace entrepot::http {

/// What the loops of one server share.
struct ServerState {
  explicit ServerState(ServerOptions o)
      : options(std::move(o)),
        memory(options.limits.body_memory),
        sources(options.limits.body_memory / kSourcesShare) {}

  const ServerOptions options;
  BodyMemory memory;
  static constexpr std::uint64_t kSourcesShare = 2;  // of the memory: each source may take a half
  SourceBudget sources;
  std::atomic<int> connections{0};
};

/// Written by one loop, read by any thread.
class Counter {
 public:
  void Add(std::uint64_t by = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

struct LoopCounters {
  Counter accepted, closed, requests, answered_inline, refused, bytes_received, bytes_sent, protocol_errors,
      timeouts;
};

class Loop : public std::enable_shared_from_this<Loop> {
 public:
  explicit Loop(std::shared_ptr<ServerState> server);
  ~Loop();

  /// Before Run: a bound, listening, non-blocking socket.
  void AddListener(UniqueFd socket, std::shared_ptr<TlsContext> tls);
  /// The thread's body: returns when a drain has ended every connection.
  void Run();

  /// From any thread: runs `work` on the loop, or drops it when the loop has ended. The caller holds the
  /// loop.
  template <class Work>
  void Post(Work work) {
    asio::post(context_, std::move(work));
  }
  /// From any thread: stop accepting, end idle connections, let requests in progress end.
  void BeginDrain();
  /// From any thread: end every connection now.
  void CutOff();

  ServerState& server() { return *server_; }
  const Limits& limits() const { return server_->options.limits; }
  Executor executor() { return context_.get_executor(); }
  bool draining() const { return draining_; }
  /// Seconds since the loop began, as the tick counts them.
  std::uint32_t now() const { return now_; }
  /// "Date: …" with its line end, at most a second old.
  const std::string& date_field() const { return date_field_; }

  std::unique_ptr<RequestBuffer> AcquireBuffer();
  void ReleaseBuffer(std::unique_ptr<RequestBuffer> buffer);

  void Register(Channel& channel);
  void Unregister(Channel& channel);

  LoopCounters counters;

 private:
  struct Listener {
    Descriptor socket;
    std::shared_ptr<TlsContext> tls;
  };

  Awaitable<void> Accept(Listener& listener);
  void Admit(UniqueFd socket, const sockaddr_storage& address, const Listener& listener);
  Awaitable<void> Tick();
  bool finished() const { return draining_ && channels_.empty(); }
  void FinishIfDrained();

  const std::shared_ptr<ServerState> server_;
  asio::io_context context_{1};
  Timer ticker_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  boost::intrusive::list<Channel, boost::intrusive::constant_time_size<false>> channels_;
  std::vector<std::unique_ptr<RequestBuffer>> spare_buffers_;
  std::string date_field_;
  std::uint32_t now_ = 0;
  bool draining_ = false;
};

}  // namespace entrepot::http
