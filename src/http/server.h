#pragma once

// The HTTP server: one event loop per core with its own SO_REUSEPORT acceptors; connections never migrate.
// Handlers run on the given pools, sockets only on the loops. HTTP/1.1 now; the seam for HTTP/2 is Handler.

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/pool.h"
#include "base/result.h"
#include "http/forwarding.h"
#include "http/handler.h"
#include "http/tls.h"

namespace entrepot::http {

struct ListenAddress {
  std::string host;                 // numeric, IPv6 without brackets; "::" is IPv4 too, unless an IPv4
                                    // address with the same port is listened on beside it
  std::uint16_t port = 0;           // 0 = any free one, for tests
  std::shared_ptr<TlsContext> tls;  // null = plain HTTP
};

/// Limits before work. Times are measured by a one-second tick.
struct Limits {
  std::size_t head_bytes = 32 * 1024;
  std::size_t header_fields = 100;
  int connections = 20'000;                // over all loops; beyond it new ones wait in the backlog
  std::uint64_t body_memory = 256u << 20;  // buffered bodies and blocks, over all connections
  std::chrono::seconds handshake{10}, head{10}, idle{60};
  std::chrono::seconds stall{30};  // a body that moves fewer than stall_bytes in this time is cut off
  std::uint64_t stall_bytes = 30 * 1024;
};

struct ServerOptions {
  std::vector<ListenAddress> listen;
  int loops = 0;  // 0 = one per processor this process may run on
  Limits limits;
  TrustedProxies trusted_proxies;   // whose Forwarded and X-Forwarded-* are believed
  ThreadPool* workers = nullptr;    // Handle, Finish, Abort
  ThreadPool* body_pool = nullptr;  // BodySource::Read, read-ahead of cold files
  Handler* handler = nullptr;
};

/// Counters since the start; safe to read from any thread.
struct ServerCounters {
  std::uint64_t connections_accepted = 0, connections_open = 0, requests = 0, answered_inline = 0,
                refused = 0, bytes_received = 0, bytes_sent = 0, protocol_errors = 0, timeouts = 0;
};

class Server {
 public:
  /// Binds every address (kConfiguration with the address and the reason when one cannot be bound) and starts
  /// the loops. What the options point to outlives the server.
  static Result<std::unique_ptr<Server>> Start(ServerOptions options);
  virtual ~Server() = default;  // Stop(0)

  /// Where it really listens, in the order of the options.
  virtual std::vector<ListenAddress> addresses() const = 0;
  virtual ServerCounters counters() const = 0;

  /// Stops accepting, closes idle connections, lets requests in progress end, for at most `grace`; then cuts
  /// off the rest. Returns when every connection is gone and the loops have been joined. Idempotent.
  virtual void Stop(std::chrono::milliseconds grace) = 0;
};

}  // namespace entrepot::http
