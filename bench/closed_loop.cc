#include <array>
#include <cerrno>
#include <fcntl.h>
#include <memory>
#include <sys/epoll.h>
#include <vector>

#include <fmt/format.h>

#include "base/check.h"
#include "bench/budget.h"
#include "bench/http_client.h"
#include "bench/loads.h"
#include "bench/summary.h"

namespace entrepot::bench {
namespace {

/// How long after the last request was issued an answer may take.
constexpr int kLastAnswerMilliseconds = 30'000;

class ClosedLoop {
 public:
  explicit ClosedLoop(const Options& options);
  Result<> Connect();
  /// To the end of the budget, and until every answer has arrived.
  Tally Run();

 private:
  struct Connection {
    UniqueFd socket;
    ResponseReader reader;
    double asked_at = 0;
  };
  using Progress = ResponseReader::Progress;

  Result<> Open(Connection& connection);
  /// Issues the next request, if the budget has one.
  void Ask(Connection& connection);
  void Advance(Connection& connection);
  void Record(const Connection& connection);
  /// The connection is of no use any more: opens another in its place.
  void Replace(Connection& connection);

  const Options& options_;
  const std::string request_;
  UniqueFd epoll_;
  std::vector<std::unique_ptr<Connection>> connections_;
  int in_flight_ = 0;
  std::unique_ptr<Budget> budget_;
  Tally tally_;
};

std::string RequestText(const Options& options) {
  const std::string start = fmt::format("{} {} HTTP/1.1\r\n{}",
                                        options.mode == Mode::kGet    ? "GET"
                                        : options.mode == Mode::kHead ? "HEAD"
                                                                      : "POST",
                                        options.path, options.header_block);
  if (options.mode != Mode::kPost) return start + "\r\n";
  return fmt::format("{}Content-Length: {}\r\n\r\n{}", start, options.body.size(), options.body);
}

ClosedLoop::ClosedLoop(const Options& options)
    : options_(options), request_(RequestText(options)), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  CHECK(epoll_.valid());
}

Result<> ClosedLoop::Connect() {
  for (int i = 0; i < options_.connections; ++i) {
    connections_.push_back(std::make_unique<Connection>());
    TRY(Open(*connections_.back()));
  }
  return {};
}

Result<> ClosedLoop::Open(Connection& connection) {
  connection.socket = TRY(bench::Connect(options_));
  connection.reader = {};
  fcntl(connection.socket.get(), F_SETFL, O_NONBLOCK);
  epoll_event event{.events = EPOLLIN, .data = {.ptr = &connection}};
  CHECK(epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, connection.socket.get(), &event) == 0);
  return {};
}

Tally ClosedLoop::Run() {
  budget_ = std::make_unique<Budget>(options_);
  for (auto& connection : connections_) Ask(*connection);
  std::array<epoll_event, 256> events;
  while (in_flight_ > 0 && !tally_.hopeless()) {
    const int count = epoll_wait(epoll_.get(), events.data(), events.size(), kLastAnswerMilliseconds);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      tally_.Failed(fmt::format("{} answers did not arrive in {} ms", in_flight_, kLastAnswerMilliseconds));
      break;
    }
    for (int i = 0; i < count; ++i)
      Advance(*static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr));
  }
  return std::move(tally_);
}

void ClosedLoop::Ask(Connection& connection) {
  if (!budget_->Take()) return;
  connection.reader.Expect(options_.mode == Mode::kHead);
  connection.asked_at = Now();
  ++in_flight_;
  // A request is far smaller than a socket's buffer, which is empty now: a short write means that the peer is
  // gone, which the next event says too.
  if (!SendAll(connection.socket.get(), request_)) Replace(connection);
}

void ClosedLoop::Advance(Connection& connection) {
  const Progress progress = connection.reader.ReadFrom(connection.socket.get());
  if (progress == Progress::kWaiting) return;
  if (progress == Progress::kBroken) return Replace(connection);
  --in_flight_;
  Record(connection);
  if (connection.reader.head().close) {
    if (auto opened = Open(connection); !opened) return tally_.Failed(opened.error().ToString());
  }
  Ask(connection);
}

void ClosedLoop::Record(const Connection& connection) {
  const ResponseReader& reader = connection.reader;
  if (reader.head().status != 200) return tally_.Failed(fmt::format("status {}", reader.head().status));
  tally_.Succeed(Now() - connection.asked_at, reader.body_bytes());
}

void ClosedLoop::Replace(Connection& connection) {
  --in_flight_;
  tally_.Failed("the connection was closed before its answer was complete");
  if (tally_.hopeless()) return;
  if (auto opened = Open(connection); !opened) return tally_.Failed(opened.error().ToString());
  Ask(connection);
}

}  // namespace

Result<> RunClosedLoop(const Options& options) {
  ClosedLoop loop(options);
  TRY(loop.Connect());
  const Meter meter(options.server_pid);
  meter.Finish(options, loop.Run());
  return {};
}

}  // namespace entrepot::bench
