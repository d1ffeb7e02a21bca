#include <chrono>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "bench/http_client.h"
#include "bench/loads.h"
#include "bench/summary.h"

namespace entrepot::bench {
namespace {

constexpr double kStartLimitSeconds = 30, kStopLimitSeconds = 30;
constexpr auto kBetweenTries = std::chrono::microseconds(200);

/// A child process; stopped, if need be by SIGKILL, and reaped at the end.
class Child {
 public:
  static Result<Child> Spawn(const std::vector<std::string>& command);
  Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, 0)) {}
  ~Child();

  /// True once it has ended; it is reaped then.
  bool Ended();

 private:
  explicit Child(pid_t pid) : pid_(pid) {}
  pid_t pid_;
};

Result<Child> Child::Spawn(const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t pid = 0;
  const int fault = posix_spawnp(&pid, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (fault != 0)
    return Fail(ErrorCode::kConfiguration, fmt::format("{}: {}", command[0], std::strerror(fault)));
  return Child(pid);
}

bool Child::Ended() {
  if (pid_ != 0 && waitpid(pid_, nullptr, WNOHANG) == pid_) pid_ = 0;
  return pid_ == 0;
}

Child::~Child() {
  if (Ended()) return;
  kill(pid_, SIGTERM);
  for (const double limit = Now() + kStopLimitSeconds; Now() < limit;
       std::this_thread::sleep_for(kBetweenTries))
    if (Ended()) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

bool Answers(const Options& options) {
  const auto answer = BlockingClient(options).Exchange("GET", options.path);
  return answer && answer->status == 200;
}

}  // namespace

Result<> RunColdStart(const Options& options) {
  if (Answers(options)) return Fail(ErrorCode::kConfiguration, "something answers on that port already");
  const double begun = Now();
  Child child = TRY(Child::Spawn(options.command));
  while (!Answers(options)) {
    if (child.Ended()) return Fail(ErrorCode::kUnavailable, "the command ended before it answered");
    if (Now() - begun > kStartLimitSeconds)
      return Fail(ErrorCode::kUnavailable, "the command did not answer in time");
    std::this_thread::sleep_for(kBetweenTries);
  }
  boost::json::object line;
  line["mode"] = options.mode_name;
  line["start_ms"] = (Now() - begun) * 1e3;
  std::puts(boost::json::serialize(line).c_str());
  return {};
}

}  // namespace entrepot::bench
