#include "http/server.h"

#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <netdb.h>
#include <sched.h>
#include <sys/socket.h>

#include <fmt/format.h>

#include "base/check.h"
#include "base/log.h"
#include "http/loop.h"
#include "http/tls_context.h"

namespace entrepot::http {
namespace {

constexpr int kBacklog = 4096;
constexpr std::uint64_t kLeastBodyMemory = 4u << 20;

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

std::unexpected<Error> CannotListen(const ListenAddress& address, const char* reason) {
  const bool ipv6 = address.host.contains(':');
  return Fail(ErrorCode::kConfiguration, fmt::format("cannot listen on {}{}{}:{}: {}", ipv6 ? "[" : "",
                                                     address.host, ipv6 ? "]" : "", address.port, reason));
}

Result<SocketAddress> Resolve(const ListenAddress& address) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  addrinfo* found = nullptr;
  if (::getaddrinfo(address.host.c_str(), std::to_string(address.port).c_str(), &hints, &found) != 0)
    return CannotListen(address, "not a numeric address");
  SocketAddress resolved;
  std::memcpy(&resolved.storage, found->ai_addr, found->ai_addrlen);
  resolved.length = found->ai_addrlen;
  ::freeaddrinfo(found);
  return resolved;
}

bool IsIpv6(const ListenAddress& address) { return address.host.contains(':'); }

/// Whether an IPv6 socket leaves the port's IPv4 connections to another one.
bool LeavesIpv4(const ListenAddress& address, const std::vector<ListenAddress>& all) {
  return std::ranges::any_of(all, [&](const ListenAddress& other) {
    return !IsIpv6(other) && other.port == address.port && other.port != 0;
  });
}

enum class Sharing { kNone, kReusePort };

Result<UniqueFd> Bind(const ListenAddress& address, const SocketAddress& resolved, bool ipv6_only,
                      Sharing sharing) {
  UniqueFd socket(::socket(resolved.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return CannotListen(address, std::strerror(errno));
  const int on = 1, only = ipv6_only;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (sharing == Sharing::kReusePort) ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  if (resolved.storage.ss_family == AF_INET6)
    ::setsockopt(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
  if (::bind(socket.get(), resolved.get(), resolved.length) != 0)
    return CannotListen(address, std::strerror(errno));
  return socket;
}

std::uint16_t BoundPort(const UniqueFd& socket) {
  SocketAddress bound;
  bound.length = sizeof bound.storage;
  CHECK(::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&bound.storage), &bound.length) == 0);
  return ntohs(bound.storage.ss_family == AF_INET6
                   ? reinterpret_cast<const sockaddr_in6&>(bound.storage).sin6_port
                   : reinterpret_cast<const sockaddr_in&>(bound.storage).sin_port);
}

/// With SO_REUSEPORT a second server of the same user could take the port too: only a plain bind tells.
Result<> CheckFree(const ListenAddress& address, bool ipv6_only) {
  if (address.port == 0) return {};
  const SocketAddress resolved = TRY(Resolve(address));
  TRY(Bind(address, resolved, ipv6_only, Sharing::kNone));
  return {};
}

int ProcessorCount() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  return ::sched_getaffinity(0, sizeof allowed, &allowed) == 0 ? std::max(1, CPU_COUNT(&allowed)) : 1;
}

class LoopServer final : public Server {
 public:
  explicit LoopServer(ServerOptions options)
      : state_(std::make_shared<ServerState>(std::move(options))), addresses_(state_->options.listen) {
    const int count = state_->options.loops > 0 ? state_->options.loops : ProcessorCount();
    for (int i = 0; i < count; ++i) loops_.push_back(std::make_shared<Loop>(state_));
  }
  ~LoopServer() override { Stop(std::chrono::milliseconds(0)); }

  Result<> Listen() {
    const std::vector<ListenAddress>& asked = state_->options.listen;
    for (const ListenAddress& address : asked) TRY(CheckFree(address, LeavesIpv4(address, asked)));
    for (ListenAddress& address : addresses_) {
      const bool ipv6_only = LeavesIpv4(address, asked);
      for (const auto& loop : loops_) {
        const SocketAddress resolved = TRY(Resolve(address));
        UniqueFd socket = TRY(Bind(address, resolved, ipv6_only, Sharing::kReusePort));
        if (::listen(socket.get(), kBacklog) != 0) return CannotListen(address, std::strerror(errno));
        address.port = BoundPort(socket);
        loop->AddListener(std::move(socket), address.tls);
      }
    }
    return {};
  }

  void Run() {
    running_ = static_cast<int>(loops_.size());
    for (const auto& loop : loops_)
      threads_.emplace_back([this, loop] {
        ::pthread_setname_np(::pthread_self(), "http");
        loop->Run();
        std::lock_guard lock(mutex_);
        --running_;
        ended_.notify_all();
      });
  }

  std::vector<ListenAddress> addresses() const override { return addresses_; }

  ServerCounters counters() const override {
    ServerCounters sum;
    for (const auto& loop : loops_) {
      const LoopCounters& counters = loop->counters;
      const std::uint64_t closed = counters.closed.value();
      sum.connections_accepted += counters.accepted.value();
      sum.connections_open += counters.accepted.value() - closed;
      sum.requests += counters.requests.value();
      sum.answered_inline += counters.answered_inline.value();
      sum.refused += counters.refused.value();
      sum.bytes_received += counters.bytes_received.value();
      sum.bytes_sent += counters.bytes_sent.value();
      sum.protocol_errors += counters.protocol_errors.value();
      sum.timeouts += counters.timeouts.value();
    }
    return sum;
  }

  void Stop(std::chrono::milliseconds grace) override {
    std::lock_guard only_one(stop_mutex_);
    if (threads_.empty()) return;
    for (const auto& loop : loops_) loop->BeginDrain();
    {
      std::unique_lock lock(mutex_);
      ended_.wait_for(lock, grace, [this] { return running_ == 0; });
    }
    for (const auto& loop : loops_) loop->CutOff();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

 private:
  const std::shared_ptr<ServerState> state_;
  std::vector<ListenAddress> addresses_;
  std::vector<std::shared_ptr<Loop>> loops_;
  std::vector<std::thread> threads_;
  std::mutex stop_mutex_;
  std::mutex mutex_;
  std::condition_variable ended_;
  int running_ = 0;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::Start(ServerOptions options) {
  CHECK(options.handler != nullptr && options.workers != nullptr && options.body_pool != nullptr);
  if (options.limits.body_memory < kLeastBodyMemory)
    return Fail(ErrorCode::kConfiguration,
                fmt::format("body memory must be at least {} bytes", kLeastBodyMemory));
  std::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes with write(2)
  if (std::ranges::any_of(options.listen,
                          [](const ListenAddress& address) { return address.tls != nullptr; }))
    log::Info("kernel TLS", {{"available", KernelTlsAvailable()}});
  auto server = std::make_unique<LoopServer>(std::move(options));
  TRY(server->Listen());
  server->Run();
  return server;
}

}  // namespace entrepot::http
