#pragma once

// A server with a handler made of functions, and a client that speaks bytes: what the tests of this folder
// share.

#include <arpa/inet.h>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <future>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/fd.h"
#include "base/pool.h"
#include "http/request.h"
#include "http/server.h"

namespace entrepot::http {

/// Waits for what another thread brings about; false after ten seconds.
inline bool Eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

/// A door that opens once, at the latest when it goes.
class Gate {
 public:
  Gate() : future_(promise_.get_future().share()) {}
  void Open() { promise_.set_value(); }
  void Await() const { std::shared_future(future_).wait(); }

 private:
  std::promise<void> promise_;
  std::shared_future<void> future_;
};

class TestHandler : public Handler {
 public:
  std::function<bool(const RequestHead&, Response&)> try_answer = [](const RequestHead& head,
                                                                     Response& response) {
    if (head.path != "/inline") return false;
    response = TextResponse(200, "text/plain", "inline");
    return true;
  };
  std::function<Reply(const RequestHead&, std::string, bool)> handle = [](const RequestHead&,
                                                                          std::string body, bool pending) {
    return TextResponse(200, "text/plain", pending ? "pending" : "body:" + body);
  };
  std::function<std::optional<Response>(const RequestHead&)> check_head = [](const RequestHead&) {
    return std::nullopt;
  };
  std::function<std::unique_ptr<BodySink>(const RequestHead&)> try_receive = [](const RequestHead&) {
    return nullptr;
  };
  BodyPlan plan{64 << 10, false};
  std::atomic<int> handled{0};

  bool TryAnswer(const RequestHead& head, Response& response) override { return try_answer(head, response); }
  std::unique_ptr<BodySink> TryReceive(const RequestHead& head) override { return try_receive(head); }
  BodyPlan PlanBody(const RequestHead&) override { return plan; }
  std::optional<Response> CheckHead(const RequestHead& head) override { return check_head(head); }
  Reply Handle(const RequestHead& head, std::string body, bool pending) override {
    ++handled;
    return handle(head, std::move(body), pending);
  }
  Response Refuse(const RequestHead&, Refusal why) override {
    if (why == Refusal::kBodyTooLarge) return TextResponse(413, "text/plain", "too large");
    Response response = TextResponse(503, "text/plain", why == Refusal::kBusy ? "busy" : "draining");
    return std::move(response.Add("Retry-After", "1"));
  }
};

struct TestServer {
  explicit TestServer(std::size_t worker_capacity = 64) : workers("workers", 2, worker_capacity) {
    options.listen = {{"127.0.0.1", 0, nullptr}};
    options.loops = 1;
    options.workers = &workers;
    options.body_pool = &body_pool;
    options.handler = &handler;
  }
  void Start() {
    auto started = Server::Start(options);
    ASSERT_TRUE(started) << started.error().ToString();
    server = *std::move(started);
    port = server->addresses().front().port;
  }

  TestHandler handler;
  ThreadPool workers;
  ThreadPool body_pool{"bodies", 2, 64};
  ServerOptions options;
  std::unique_ptr<Server> server;  // stops first
  std::uint16_t port = 0;
};

struct Answered {
  int status = 0;
  std::string head, body;
  std::string Field(std::string_view name) const {
    std::size_t at = head.find("\r\n");
    while (at != head.npos && at + 2 < head.size()) {
      const std::size_t end = head.find("\r\n", at + 2);
      const std::string_view line = std::string_view(head).substr(at + 2, end - at - 2);
      const std::size_t colon = line.find(':');
      if (colon != line.npos && EqualsIgnoreCase(line.substr(0, colon), name))
        return std::string(line.substr(colon + 2));
      at = end;
    }
    return "";
  }
};

/// A blocking client; every wait ends after ten seconds.
class TestClient {
 public:
  explicit TestClient(std::uint16_t port, bool ipv6 = false, int receive_buffer = 0) {
    socket_.reset(::socket(ipv6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (receive_buffer > 0) {
      ::setsockopt(fd(), SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
      const int segment = 1000;  // so that a send of the server may be taken in part
      ::setsockopt(fd(), IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment);
    }
    const timeval patience{10, 0};
    ::setsockopt(fd(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ::setsockopt(fd(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    int result = -1;
    if (ipv6) {
      sockaddr_in6 address{};
      address.sin6_family = AF_INET6;
      address.sin6_port = htons(port);
      address.sin6_addr = in6addr_loopback;
      result = ::connect(fd(), reinterpret_cast<sockaddr*>(&address), sizeof address);
    } else {
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_port = htons(port);
      address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      result = ::connect(fd(), reinterpret_cast<sockaddr*>(&address), sizeof address);
    }
    connected_ = result == 0;
  }

  int fd() const { return socket_.get(); }
  bool connected() const { return connected_; }
  void Close() { socket_.reset(); }
  /// What the peer sees is a reset.
  void Reset() {
    const linger now{1, 0};
    ::setsockopt(fd(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
    socket_.reset();
  }

  /// False when the peer has closed.
  bool Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(fd(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  /// One answer; status 0 when the connection ended instead. `to_head`: no body follows.
  Answered Receive(bool to_head = false) {
    Answered answer;
    std::size_t end = 0;
    while ((end = received_.find("\r\n\r\n")) == received_.npos)
      if (!More()) return answer;
    answer.head = received_.substr(0, end + 2);
    received_.erase(0, end + 4);
    answer.status = std::atoi(answer.head.c_str() + 9);
    const std::string length = answer.Field("Content-Length");
    if (to_head || length.empty()) return answer;
    const std::size_t size = std::stoull(length);
    while (received_.size() < size)
      if (!More()) {
        answer.status = 0;
        return answer;
      }
    answer.body = received_.substr(0, size);
    received_.erase(0, size);
    return answer;
  }
  Answered Ask(std::string_view request, bool to_head = false) {
    return Send(request) ? Receive(to_head) : Answered{};
  }

  enum class End { kClean, kReset, kOpen };
  /// Reads on until the connection ends; kOpen when it did not within the patience.
  End ReadToEnd() {
    while (More()) {
    }
    return last_ == 0 ? End::kClean : errno == ECONNRESET ? End::kReset : End::kOpen;
  }
  const std::string& received() const { return received_; }

 private:
  bool More() {
    char chunk[65536];
    last_ = ::recv(fd(), chunk, sizeof chunk, 0);
    if (last_ > 0) received_.append(chunk, static_cast<std::size_t>(last_));
    return last_ > 0;
  }

  UniqueFd socket_;
  bool connected_ = false;
  std::string received_;
  ssize_t last_ = 0;
};

/// Bytes in which a lost or repeated run shows.
inline std::string Pattern(std::size_t size) {
  std::string bytes(size, '\0');
  std::uint32_t state = 12345;
  for (char& byte : bytes) byte = static_cast<char>((state = state * 1664525 + 1013904223) >> 24);
  return bytes;
}

/// A directory that goes at the end.
class ScratchDirectory {
 public:
  ScratchDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "http_test.XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~ScratchDirectory() { std::filesystem::remove_all(path_); }
  std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  std::string path_;
};

}  // namespace entrepot::http
