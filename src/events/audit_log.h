#pragma once

// The audit log: who did what to what, one line a call, the same from every door (design-access 14). Doors
// hand over records; one thread writes them, in order.
//
// Safe from any thread, but on an event loop only TryWrite: Write waits while the queue is full, because an
// unwritten line is worse than a late answer.
//
// Refusals are aggregated: of each source the first one in ten seconds is written, the others are counted and
// told in one line at the end, so that whoever tries a million passwords cannot fill the disk or push out
// other lines.

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace entrepot::events {

struct AuditRecord {
  std::string_view door;     // "aws" or "oci"
  std::string_view service;  // "ecr", "sts", …; "" where no operation was found
  std::string_view operation;
  std::string request_id;  // "" on /v2/, which has none
  std::string principal;   // an ARN; "" = nobody was authenticated
  std::string access_key_id;
  std::string region;
  std::string resource;  // an ARN, or "" where the call has none or was refused before it was known
  std::string target;    // of /v2/: method and path
  std::string source_ip;
  int status = 0;
  std::string error;  // code and facts; "" = none
  std::chrono::microseconds took{0};
  bool refused = false;  // not authenticated, or not allowed
};

/// Further refusals of one source, which were not written one by one.
struct RefusalSummary {
  std::string source_ip;  // "others" stands for all that there was no room to tell apart
  std::uint64_t count = 0;
};

/// Where lines go. Called by one thread.
struct AuditSink {
  std::function<void(const AuditRecord&)> record;
  std::function<void(const RefusalSummary&)> refusals;
};
/// The process's log, which escapes control characters: messages "audit" and "audit refusals".
AuditSink AuditToProcessLog();

class AuditLog {
 public:
  static constexpr std::chrono::seconds kRefusalWindow{10};
  static constexpr std::size_t kQueue = 4096;
  static constexpr std::size_t kEnough = 512;  // are written at once
  static constexpr std::size_t kSources = 1024;

  explicit AuditLog(AuditSink sink = AuditToProcessLog(), std::chrono::milliseconds window = kRefusalWindow);
  AuditLog(const AuditLog&) = delete;
  /// Writes what is queued and counted.
  ~AuditLog();

  void Write(AuditRecord record);
  /// False, with nothing written, while the queue is full. Never waits.
  bool TryWrite(AuditRecord record);

 private:
  using Time = std::chrono::steady_clock::time_point;

  void Run();
  void Take(const AuditRecord& record, Time now);
  void EndWindow();

  const AuditSink sink_;
  const std::chrono::milliseconds window_;
  std::mutex mutex_;
  std::condition_variable arrived_, enough_, room_;
  std::deque<AuditRecord> queue_;
  bool stopping_ = false;
  // Of the writing thread: refusals of the window that runs, beyond each source's first.
  std::map<std::string, std::uint64_t> refused_;
  Time window_ends_{};
  std::thread thread_;
};

}  // namespace entrepot::events
