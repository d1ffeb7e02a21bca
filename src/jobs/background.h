#pragma once

// Work that goes on beside requests: one thread at idle priority a task, started by the wiring and nowhere
// else.

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

namespace entrepot::jobs {

/// Runs `step` again and again: at once while it returns true, else after `interval`.
class BackgroundTask {
 public:
  BackgroundTask(std::string name, std::chrono::milliseconds interval, std::function<bool()> step);
  BackgroundTask(const BackgroundTask&) = delete;
  /// Lets the step in progress end.
  ~BackgroundTask();

 private:
  void Run();

  const std::string name_;
  const std::chrono::milliseconds interval_;
  const std::function<bool()> step_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace entrepot::jobs
