#include "events/audit_log.h"

#include <pthread.h>

#include "base/log.h"

namespace entrepot::events {
namespace {

constexpr std::string_view kOtherSources = "others";
// A line waits this long for those of the next calls: waking a thread for each costs more than writing it.
constexpr std::chrono::milliseconds kGather{5};

}  // namespace

AuditSink AuditToProcessLog() {
  return {.record =
              [](const AuditRecord& record) {
                log::Write(record.status >= 500 ? log::Level::kError : log::Level::kInfo, "audit",
                           {{"door", record.door},
                            {"request_id", record.request_id},
                            {"service", record.service},
                            {"operation", record.operation},
                            {"principal", record.principal},
                            {"access_key_id", record.access_key_id},
                            {"region", record.region},
                            {"resource", record.resource},
                            {"target", record.target},
                            {"source_ip", record.source_ip},
                            {"status", record.status},
                            {"error", record.error},
                            {"micros", record.took.count()}});
              },
          .refusals =
              [](const RefusalSummary& summary) {
                log::Warning("audit refusals", {{"source_ip", summary.source_ip}, {"count", summary.count}});
              }};
}

AuditLog::AuditLog(AuditSink sink, std::chrono::milliseconds window)
    : sink_(std::move(sink)), window_(window), thread_([this] { Run(); }) {}

AuditLog::~AuditLog() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  arrived_.notify_all();
  enough_.notify_all();
  thread_.join();
}

void AuditLog::Write(AuditRecord record) {
  {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [this] { return queue_.size() < kQueue; });
    queue_.push_back(std::move(record));
    if (queue_.size() == kEnough) enough_.notify_one();
  }
  arrived_.notify_one();
}

bool AuditLog::TryWrite(AuditRecord record) {
  {
    std::lock_guard lock(mutex_);
    if (queue_.size() >= kQueue) return false;
    queue_.push_back(std::move(record));
    if (queue_.size() == kEnough) enough_.notify_one();
  }
  arrived_.notify_one();
  return true;
}

void AuditLog::Run() {
  ::pthread_setname_np(::pthread_self(), "audit");
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto woken = [this] { return stopping_ || !queue_.empty(); };
    if (refused_.empty())
      arrived_.wait(lock, woken);
    else
      arrived_.wait_until(lock, window_ends_, woken);
    enough_.wait_for(lock, kGather,
                     [this] { return stopping_ || queue_.empty() || queue_.size() >= kEnough; });
    std::deque<AuditRecord> records = std::exchange(queue_, {});
    const bool last = stopping_;
    lock.unlock();
    room_.notify_all();
    const Time now = std::chrono::steady_clock::now();
    if (!refused_.empty() && now >= window_ends_) EndWindow();
    for (const AuditRecord& record : records) Take(record, now);
    if (last) return EndWindow();
    lock.lock();
  }
}

void AuditLog::Take(const AuditRecord& record, Time now) {
  if (record.refused) {
    if (refused_.empty()) window_ends_ = now + window_;
    const bool known = refused_.contains(record.source_ip);
    const bool other = !known && refused_.size() >= kSources;
    const auto [source, first] =
        refused_.try_emplace(other ? std::string(kOtherSources) : record.source_ip, 0);
    if (other || !first) {
      ++source->second;
      return;
    }
  }
  sink_.record(record);
}

void AuditLog::EndWindow() {
  for (const auto& [source, count] : refused_)
    if (count > 0) sink_.refusals({source, count});
  refused_.clear();
}

}  // namespace entrepot::events
