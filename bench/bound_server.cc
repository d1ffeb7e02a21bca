#include "bench/bound_server.h"

#include <charconv>
#include <csignal>
#include <cstdio>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <thread>

#include "bench/http_client.h"

namespace entrepot::bench {

BoundRequests::BoundRequests(UniqueFd socket) : socket_(std::move(socket)) {
  const int on = 1;
  setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

bool BoundRequests::Next() {
  std::size_t end;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    char block[4096];
    const ssize_t count = recv(socket_.get(), block, sizeof block, 0);
    if (count <= 0) return false;
    buffer_.append(block, static_cast<std::size_t>(count));
  }
  const std::string_view head = std::string_view(buffer_).substr(0, end);
  is_post_ = head.starts_with("POST");
  body_left_ = 0;
  constexpr std::string_view kLength = "Content-Length: ";  // as our generator writes it
  if (const auto at = head.find(kLength); at != std::string_view::npos)
    std::from_chars(head.data() + at + kLength.size(), head.data() + head.size(), body_left_);
  buffer_.erase(0, end + 4);
  return true;
}

std::size_t BoundRequests::Read(MutableBytes block) {
  const std::size_t wanted = std::min<std::uint64_t>(block.size(), body_left_);
  const std::size_t buffered = std::min(wanted, buffer_.size());
  std::copy_n(buffer_.begin(), buffered, block.begin());
  buffer_.erase(0, buffered);
  std::size_t filled = buffered;
  while (filled < wanted) {
    const ssize_t count = recv(socket_.get(), block.data() + filled, wanted - filled, MSG_WAITALL);
    if (count <= 0) return 0;
    filled += static_cast<std::size_t>(count);
  }
  body_left_ -= filled;
  return filled;
}

bool BoundRequests::Answer(std::string_view text) { return SendAll(socket_.get(), text); }

int ServeBound(std::uint16_t port, std::function<void(BoundRequests&)> serve) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      listen(listener.get(), 512) != 0) {
    std::perror("listen");
    return 1;
  }
  for (;;) {
    UniqueFd socket(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!socket.valid()) continue;
    std::thread([&serve, requests = BoundRequests(std::move(socket))]() mutable {
      serve(requests);
    }).detach();
  }
}

}  // namespace entrepot::bench
