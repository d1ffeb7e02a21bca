#include <algorithm>
#include <array>
#include <cerrno>
#include <fcntl.h>
#include <memory>
#include <span>
#include <sys/epoll.h>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/check.h"
#include "bench/budget.h"
#include "bench/http_client.h"
#include "bench/loads.h"
#include "bench/script.h"
#include "bench/summary.h"

namespace entrepot::bench {
namespace {

/// How long after the last request was issued an answer may take.
constexpr double kLastAnswerSeconds = 30;

class ClosedLoop {
 public:
  ClosedLoop(const Options& options, std::vector<ScriptedRequest> script);
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
  /// Issues the next request, if the budget has one; keeps the connection for it while it is not due.
  void Ask(Connection& connection);
  void AskWhatIsDue();
  double UntilNextIsDue() const;
  /// Waits for answers, and no longer than until the next request is due.
  int Wait(std::span<epoll_event> events);
  void Advance(Connection& connection);
  void Record(const Connection& connection);
  /// The connection is of no use any more: opens another in its place.
  void Replace(Connection& connection);

  const Options& options_;
  const std::vector<ScriptedRequest> script_;  // sent over and over
  UniqueFd epoll_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<Connection*> idle_;  // while the next request is not due
  std::size_t next_ = 0;
  double started_ = 0;
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

ClosedLoop::ClosedLoop(const Options& options, std::vector<ScriptedRequest> script)
    : options_(options), script_(std::move(script)), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  CHECK(epoll_.valid() && !script_.empty());
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
  // A scripted request may be larger than a socket's buffer. Answers are read when they are there, so that a
  // blocking socket blocks for its own request only.
  if (options_.mode != Mode::kReplay) fcntl(connection.socket.get(), F_SETFL, O_NONBLOCK);
  epoll_event event{.events = EPOLLIN, .data = {.ptr = &connection}};
  CHECK(epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, connection.socket.get(), &event) == 0);
  return {};
}

Tally ClosedLoop::Run() {
  budget_ = std::make_unique<Budget>(options_);
  started_ = Now();
  for (auto& connection : connections_) Ask(*connection);
  std::array<epoll_event, 256> events;
  while ((in_flight_ > 0 || !idle_.empty()) && !tally_.hopeless()) {
    const int count = Wait(events);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0 && idle_.empty()) {
      tally_.Failed(fmt::format("{} answers did not arrive in {} s", in_flight_, kLastAnswerSeconds));
      break;
    }
    for (int i = 0; i < count; ++i)
      Advance(*static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr));
    AskWhatIsDue();
  }
  return std::move(tally_);
}

int ClosedLoop::Wait(std::span<epoll_event> events) {
  const double seconds = idle_.empty() ? kLastAnswerSeconds : std::max(0.0, UntilNextIsDue());
  const auto whole = static_cast<time_t>(seconds);
  const timespec time{whole, static_cast<long>((seconds - static_cast<double>(whole)) * 1e9)};
  return epoll_pwait2(epoll_.get(), events.data(), static_cast<int>(events.size()), &time, nullptr);
}

double ClosedLoop::UntilNextIsDue() const { return started_ + script_[next_].due - Now(); }

void ClosedLoop::AskWhatIsDue() {
  while (!idle_.empty() && UntilNextIsDue() <= 0) {
    Connection& connection = *idle_.back();
    idle_.pop_back();
    Ask(connection);
  }
}

void ClosedLoop::Ask(Connection& connection) {
  const ScriptedRequest& request = script_[next_];
  if (request.due > 0 && UntilNextIsDue() > 0) return idle_.push_back(&connection);
  if (!budget_->Take()) return;
  next_ = (next_ + 1) % script_.size();
  connection.reader.Expect(options_.mode == Mode::kHead);
  // What waited for a free connection has waited since it was due.
  connection.asked_at = request.due > 0 ? started_ + request.due : Now();
  ++in_flight_;
  // A request that is sent over and over is far smaller than a socket's buffer, which is empty now: a short
  // write means that the peer is gone, which the next event says too.
  if (!SendAll(connection.socket.get(), request.text)) Replace(connection);
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
  std::vector<ScriptedRequest> script{{0, RequestText(options)}};
  if (options.mode == Mode::kReplay) script = TRY(ReadScript(options.script_file));
  ClosedLoop loop(options, std::move(script));
  TRY(loop.Connect());
  const Meter meter(options.server_pid);
  meter.Finish(options, loop.Run());
  return {};
}

}  // namespace entrepot::bench
