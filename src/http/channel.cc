#include "http/channel.h"

#include <algorithm>
#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/sendfile.h>
#include <sys/socket.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "http/body_memory.h"
#include "http/loop.h"
#include "http/record_batch.h"
#include "http/tls_context.h"

namespace entrepot::http {
namespace {

// After this much in one turn the other connections of the loop come first. An operation costs at least
// kLeastCost, so that small pipelined requests yield too.
constexpr std::size_t kTurnBytes = 4u << 20;
constexpr std::size_t kLeastCost = 16u << 10;
constexpr std::size_t kSendSlice = 1u << 20;
constexpr std::uint64_t kLingerBytes = 64u << 20;
constexpr std::uint32_t kLingerSeconds = 10;

using asio::posix::descriptor_base;

}  // namespace

Channel::Channel(Loop& loop, UniqueFd socket, const Endpoint& peer, const std::shared_ptr<TlsContext>& tls)
    : loop_(loop),
      peer_(peer),
      tls_(tls == nullptr ? nullptr : static_cast<const OpenSslContext&>(*tls).NewSession(socket.get())),
      socket_(loop.executor(), socket.get()),
      signal_(loop.executor()) {
  socket.release();
  Enter(tls_ != nullptr ? Phase::kHandshake : Phase::kIdle);
  loop_.Register(*this);
}

Channel::~Channel() { loop_.Unregister(*this); }

void Channel::Describe(Peer& peer) const {
  peer.address = peer_.address.ToString();
  peer.ip = peer_.address;
  peer.port = peer_.port;
  peer.loopback = peer_.address.loopback();
  peer.tls = tls();
  const char* name = tls() ? SSL_get_servername(tls_.get(), TLSEXT_NAMETYPE_host_name) : nullptr;
  peer.tls_server_name = name == nullptr ? "" : name;
}

BodyMemory& Channel::memory() { return loop_.server().memory; }

void Channel::Enter(Phase phase) {
  phase_ = phase;
  since_ = loop_.now();
  mark_ = moved_;
}

void Channel::Tick() {
  if (watched_sink_ != nullptr && watched_sink_->failed()) {
    interrupted_ = true;
    socket_.cancel();
  }
  const Limits& limits = loop_.limits();
  const auto longer_than = [elapsed = loop_.now() - since_](std::chrono::seconds limit) {
    return elapsed > limit.count();
  };
  switch (phase_) {
    case Phase::kHandshake:
      return longer_than(limits.handshake) ? TimeOut() : void();
    case Phase::kIdle:
      return longer_than(limits.idle) ? TimeOut() : void();
    case Phase::kHead:
      return longer_than(limits.head) ? TimeOut() : void();
    case Phase::kReceiving:
    case Phase::kSending:
      if (moved_ - mark_ >= limits.stall_bytes) return Enter(phase_);
      return longer_than(limits.stall) ? TimeOut() : void();
    case Phase::kLingering:
      return longer_than(std::chrono::seconds(kLingerSeconds)) ? Abort() : void();
    case Phase::kWorking:
      return;
  }
}

void Channel::TimeOut() {
  if (!aborted_) loop_.counters.timeouts.Add();
  Abort();
}

void Channel::Abort() {
  aborted_ = true;
  socket_.cancel();
  signal_.Notify();
}

Awaitable<Io> Channel::Wait(descriptor_base::wait_type what) {
  turn_ = 0;
  if (aborted_) co_return Io::kClosed;
  if (std::exchange(interrupted_, false)) co_return Io::kInterrupted;
  const auto [error] = co_await socket_.async_wait(what, kAwait);
  if (aborted_) co_return Io::kClosed;
  if (std::exchange(interrupted_, false)) co_return Io::kInterrupted;
  co_return error ? Io::kClosed : Io::kOk;
}

Awaitable<Io> Channel::WaitForTls(int result) {
  switch (SSL_get_error(tls_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      co_return co_await Wait(descriptor_base::wait_read);
    case SSL_ERROR_WANT_WRITE:
      co_return co_await Wait(descriptor_base::wait_write);
    default:
      co_return Io::kClosed;
  }
}

bool Channel::Moved(std::size_t bytes) {
  moved_ += bytes;
  turn_ += std::max(bytes, kLeastCost);
  return turn_ >= kTurnBytes;
}

Awaitable<void> Channel::Yield() {
  turn_ = 0;
  co_await asio::post(loop_.executor(), kAwait);
}

Awaitable<bool> Channel::Handshake() {
  if (tls_ == nullptr) co_return true;
  for (;;) {
    ERR_clear_error();
    const int result = SSL_do_handshake(tls_.get());
    if (result == 1) break;
    if (co_await WaitForTls(result) != Io::kOk) co_return false;
  }
  kernel_tls_ = BIO_get_ktls_send(SSL_get_wbio(tls_.get()));
  Enter(Phase::kIdle);
  co_return true;
}

// No coroutine of its own: it is what an idle connection waits in, and every frame costs memory.
Awaitable<Io> Channel::WaitReadable() {
  if (tls_ != nullptr && SSL_has_pending(tls_.get())) return Ready();
  return Wait(descriptor_base::wait_read);
}

Awaitable<Io> Channel::Ready() { co_return aborted_ ? Io::kClosed : Io::kOk; }

Awaitable<ReadResult> Channel::ReadSome(MutableBytes out) {
  for (;;) {
    if (aborted_) co_return ReadResult{Io::kClosed};
    std::size_t bytes = 0;
    Io waited = Io::kOk;
    if (tls_ != nullptr) {
      ERR_clear_error();
      const int result = SSL_read_ex(tls_.get(), out.data(), out.size(), &bytes);
      if (result != 1) waited = co_await WaitForTls(result);
    } else {
      const ssize_t received = ::recv(socket_.native_handle(), out.data(), out.size(), 0);
      if (received > 0)
        bytes = static_cast<std::size_t>(received);
      else if (received < 0 && errno == EAGAIN)
        waited = co_await Wait(descriptor_base::wait_read);
      else if (received == 0 || errno != EINTR)
        waited = Io::kClosed;
    }
    if (waited != Io::kOk) co_return ReadResult{waited};
    if (bytes == 0) continue;
    loop_.counters.bytes_received.Add(bytes);
    if (Moved(bytes)) co_await Yield();
    co_return ReadResult{Io::kOk, bytes};
  }
}

Awaitable<bool> Channel::WriteAll(std::string_view text) {
  iovec part{const_cast<char*>(text.data()), text.size()};
  co_return co_await WriteAll({&part, 1});
}

Awaitable<bool> Channel::WriteAll(std::span<iovec> parts, bool more) {
  return tls_ != nullptr ? WriteRecords(parts) : WriteRaw(parts, more);
}

Awaitable<bool> Channel::WriteRecords(std::span<iovec> parts) {
  while (!parts.empty()) {
    if (aborted_) co_return false;
    std::size_t sent = 0;
    ERR_clear_error();
    const int result = SSL_write_ex(tls_.get(), parts[0].iov_base, parts[0].iov_len, &sent);
    if (result != 1) {
      if (co_await WaitForTls(result) == Io::kClosed) co_return false;
      continue;
    }
    if (Sent(parts, sent)) co_await Yield();
  }
  co_return true;
}

Awaitable<bool> Channel::WriteRaw(std::span<iovec> parts, bool more) {
  while (!parts.empty()) {
    if (aborted_) co_return false;
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    const ssize_t result = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
    if (result < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN || co_await Wait(descriptor_base::wait_write) == Io::kClosed) co_return false;
      continue;
    }
    if (Sent(parts, static_cast<std::size_t>(result))) co_await Yield();
  }
  co_return true;
}

Awaitable<bool> Channel::WriteBatches(RecordBatch& batch, std::span<iovec> parts) {
  while (!parts.empty()) {
    if (aborted_) co_return false;
    const Bytes records = batch.Seal(parts);
    if (records.empty()) co_return false;
    iovec part{const_cast<std::uint8_t*>(records.data()), records.size()};
    if (!co_await WriteRaw({&part, 1}, false)) co_return false;
  }
  co_return true;
}

bool Channel::Sent(std::span<iovec>& parts, std::size_t bytes) {
  loop_.counters.bytes_sent.Add(bytes);
  Advance(parts, bytes);
  return Moved(bytes);
}

void Channel::Cork(bool on) {
  const int value = on;
  ::setsockopt(socket_.native_handle(), IPPROTO_TCP, TCP_CORK, &value, sizeof value);
}

Awaitable<bool> Channel::SendFile(int file, std::uint64_t offset, std::uint64_t length) {
  while (length > 0) {
    if (aborted_) co_return false;
    auto position = static_cast<off_t>(offset);
    const std::size_t slice = std::min<std::uint64_t>(length, kSendSlice);
    ssize_t sent = 0;
    Io waited = Io::kOk;
    if (tls_ != nullptr) {
      ERR_clear_error();
      sent = SSL_sendfile(tls_.get(), file, position, slice, 0);
      if (sent < 0) waited = co_await WaitForTls(static_cast<int>(sent));
    } else {
      sent = ::sendfile(socket_.native_handle(), file, &position, slice);
      if (sent < 0 && errno == EAGAIN)
        waited = co_await Wait(descriptor_base::wait_write);
      else if (sent < 0 && errno != EINTR)
        waited = Io::kClosed;
    }
    if (waited == Io::kClosed || sent == 0) co_return false;  // 0: the file has become shorter
    if (sent < 0) continue;
    offset += static_cast<std::uint64_t>(sent);
    length -= static_cast<std::uint64_t>(sent);
    loop_.counters.bytes_sent.Add(static_cast<std::uint64_t>(sent));
    if (Moved(static_cast<std::size_t>(sent))) co_await Yield();
  }
  co_return true;
}

Awaitable<void> Channel::LingeringClose() {
  if (aborted_) co_return;
  Enter(Phase::kLingering);
  if (tls_ != nullptr) {
    ERR_clear_error();
    SSL_shutdown(tls_.get());  // one close_notify, as far as the socket takes it
  }
  ::shutdown(socket_.native_handle(), SHUT_WR);
  for (std::uint64_t dropped = 0; dropped < kLingerBytes;) {
    const ssize_t received = ::recv(socket_.native_handle(), nullptr, kSendSlice, MSG_TRUNC);
    if (received > 0) {
      dropped += static_cast<std::uint64_t>(received);
      if (Moved(static_cast<std::size_t>(received))) co_await Yield();
    } else if (received == 0 || (errno != EAGAIN && errno != EINTR)) {
      co_return;
    } else if (co_await Wait(descriptor_base::wait_read) == Io::kClosed) {
      co_return;
    }
  }
}

void Channel::ResetOnClose() {
  const linger now{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  Abort();
}

Awaitable<bool> Channel::TakeMemory(std::size_t bytes) {
  if (memory().TryTake(bytes)) co_return true;
  bool granted = false;
  const std::uint64_t wait =
      memory().WaitFor(bytes, [this, &granted, loop = HoldLoop()] { PostDone(&granted); });
  while (!granted) {
    if (aborted_ && memory().CancelWait(wait)) co_return false;
    co_await signal_.Wait();
  }
  co_return true;
}

std::shared_ptr<Loop> Channel::HoldLoop() { return loop_.shared_from_this(); }

void Channel::PostDone(bool* done) {
  loop_.Post([this, done] {
    *done = true;
    signal_.Notify();
  });
}

}  // namespace entrepot::http
