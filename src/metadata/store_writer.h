#pragma once

// The one writer: a thread that runs closures in the order they came and commits them in groups
// (design-storage 1.5). A group is what is queued when it begins or comes while it runs; what comes during
// its commit is the next one, so groups grow with the load and nothing waits for a timer. Requests go before
// background work.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

#include "base/result.h"
#include "metadata/sql/connection.h"
#include "metadata/store.h"
#include "metadata/store_clock.h"
#include "metadata/version_stripes.h"

namespace entrepot::metadata {

class StoreWriter {
 public:
  using Closure = std::function<Result<>(WriteTransaction&)>;

  /// What the writer works with, all of which outlives it. `connection` is used by the writer's thread alone.
  struct Parts {
    sql::Connection& connection;
    sql::ReaderGate& gate;
    VersionStripes& versions;
    const StoreClock& clock;
    std::function<void()> on_broken;
  };

  explicit StoreWriter(Parts parts);
  StoreWriter(const StoreWriter&) = delete;
  /// Runs what is queued and writes store time back.
  ~StoreWriter();

  /// Returns once the closure is committed, or has failed. From any thread but the writer's own.
  Result<> Run(const Closure& closure, WritePriority priority);

  std::size_t pending() const { return pending_.load(std::memory_order_relaxed); }
  bool broken() const { return broken_.load(std::memory_order_acquire); }

 private:
  class Operation;
  /// Operations in the order they came. They live on the stacks of those who wait for them.
  class Queue {
   public:
    bool empty() const { return first_ == nullptr; }
    void Push(Operation* operation);
    Operation* Pop();

   private:
    Operation* first_ = nullptr;
    Operation* last_ = nullptr;
  };

  void Loop();
  bool WaitForWork();
  void RunGroup();
  void RunAlone(Operation& operation);
  template <class Body>
  Result<> RunTransaction(Body body);
  Result<> RunQueued();
  Result<> RunMember(Operation& operation);
  Result<> RunClosure(Operation& operation);
  Result<> Undo();
  Result<> KeepTime();
  Result<> Commit();
  Operation* TakeRequest();
  Operation* TakeBackground();
  void FailQueued(const Error& error);
  void TendLog();
  void BreakIfSyncFailed();
  void Break(std::string_view why);

  const Parts parts_;
  std::atomic<bool> broken_{false};
  std::atomic<std::size_t> pending_{0};

  std::mutex mutex_;
  std::condition_variable work_;
  Queue requests_, background_;
  bool stopping_ = false;

  // The writer thread's own.
  std::vector<Operation*> members_;     // of the group in progress
  std::vector<std::uint64_t> touched_;  // by the transaction in progress
  bool conflict_ = false;               // the transaction in progress lost against another node's
  StoreClock::State kept_;              // as last committed
  StoreClock::State keeping_;           // as the transaction in progress writes it
  std::chrono::microseconds keep_time_after_;

  std::thread thread_;
};

}  // namespace entrepot::metadata
