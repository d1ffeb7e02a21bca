#include "http/loop.h"

#include <bit>
#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "base/clock.h"
#include "base/log.h"
#include "http/connection.h"

namespace entrepot::http {
namespace {

constexpr auto kTick = std::chrono::seconds(1);
constexpr std::size_t kSpareBuffers = 32;
constexpr int kAcceptsPerTurn = 64;

Endpoint EndpointOf(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    return {IpAddress(std::bit_cast<IpAddress::Octets>(v6.sin6_addr)), ntohs(v6.sin6_port)};
  }
  const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
  return {IpAddress::FromIpv4(std::bit_cast<std::array<std::uint8_t, 4>>(v4.sin_addr)), ntohs(v4.sin_port)};
}

std::string DateField() { return "Date: " + ToHttpDate(SystemClock().Now()) + "\r\n"; }

}  // namespace

Loop::Loop(std::shared_ptr<ServerState> server)
    : server_(std::move(server)), ticker_(context_.get_executor()), date_field_(DateField()) {}

Loop::~Loop() = default;

void Loop::AddListener(UniqueFd socket, std::shared_ptr<TlsContext> tls) {
  const int fd = socket.release();
  listeners_.push_back(std::make_unique<Listener>(Descriptor(context_.get_executor(), fd), std::move(tls)));
}

void Loop::Run() {
  for (const auto& listener : listeners_) asio::co_spawn(executor(), Accept(*listener), asio::detached);
  asio::co_spawn(executor(), Tick(), asio::detached);
  context_.run();
}

void Loop::BeginDrain() {
  Post([this] {
    draining_ = true;
    for (const auto& listener : listeners_) {
      boost::system::error_code ignored;
      listener->socket.close(ignored);
    }
    for (Channel& channel : channels_)
      if (channel.phase() == Phase::kIdle || channel.phase() == Phase::kHandshake) channel.Abort();
    FinishIfDrained();
  });
}

void Loop::CutOff() {
  Post([this] {
    for (Channel& channel : channels_) channel.Abort();
  });
}

void Loop::FinishIfDrained() {
  if (finished()) ticker_.cancel();
}

Awaitable<void> Loop::Tick() {
  const auto start = std::chrono::steady_clock::now();
  while (!finished()) {
    ticker_.expires_after(kTick);
    co_await ticker_.async_wait(kAwait);
    now_ = static_cast<std::uint32_t>(
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - start).count());
    date_field_ = DateField();
    server_->memory.Trim();
    for (Channel& channel : channels_) channel.Tick();
  }
}

Awaitable<void> Loop::Accept(Listener& listener) {
  Timer pause(executor());
  while (!draining_) {
    co_await listener.socket.async_wait(asio::posix::descriptor_base::wait_read, kAwait);
    if (draining_) break;
    int failure = 0;
    for (int i = 0; i < kAcceptsPerTurn && failure == 0; ++i) {
      if (server_->connections.load(std::memory_order_relaxed) >= limits().connections) {
        failure = EMFILE;
        break;
      }
      sockaddr_storage address{};
      socklen_t length = sizeof address;
      UniqueFd socket(::accept4(listener.socket.native_handle(), reinterpret_cast<sockaddr*>(&address),
                                &length, SOCK_NONBLOCK | SOCK_CLOEXEC));
      if (socket.valid())
        Admit(std::move(socket), address, listener);
      else if (errno != ECONNABORTED && errno != EINTR)
        failure = errno;
    }
    // Too many connections or descriptors: the others wait in the backlog until some have ended.
    if (failure != 0 && failure != EAGAIN) {
      pause.expires_after(std::chrono::milliseconds(20));
      co_await pause.async_wait(kAwait);
    }
  }
}

void Loop::Admit(UniqueFd socket, const sockaddr_storage& address, const Listener& listener) {
  const int on = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ServeConnection(*this, std::move(socket), EndpointOf(address), listener.tls);
}

std::unique_ptr<RequestBuffer> Loop::AcquireBuffer() {
  if (spare_buffers_.empty())
    return std::make_unique<RequestBuffer>(limits().head_bytes, limits().header_fields);
  auto buffer = std::move(spare_buffers_.back());
  spare_buffers_.pop_back();
  return buffer;
}

void Loop::ReleaseBuffer(std::unique_ptr<RequestBuffer> buffer) {
  if (buffer == nullptr || spare_buffers_.size() == kSpareBuffers) return;
  buffer->Clear();
  spare_buffers_.push_back(std::move(buffer));
}

void Loop::Register(Channel& channel) {
  channels_.push_back(channel);
  counters.accepted.Add();
  ++server_->connections;
}

void Loop::Unregister(Channel& channel) {
  channels_.erase(channels_.iterator_to(channel));
  counters.closed.Add();
  --server_->connections;
  FinishIfDrained();
}

}  // namespace entrepot::http
