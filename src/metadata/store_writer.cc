#include "metadata/store_writer.h"

#include <pthread.h>

#include "base/check.h"
#include "base/log.h"

namespace entrepot::metadata {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t kGroupOperations = 256;  // design-storage 1.5
constexpr std::chrono::milliseconds kGroupTime{5};
constexpr std::chrono::milliseconds kBackgroundTime{2};
constexpr std::chrono::seconds kTimeKeptEvery{1};       // store time that a crash may lose …
constexpr std::chrono::seconds kIdleTimeKeptEvery{60};  // … and when nothing is written
constexpr int kAttempts = 5;                            // of a write that loses against other nodes

}  // namespace

/// A closure and the caller who waits for it.
class StoreWriter::Operation {
 public:
  explicit Operation(const Closure& closure_to_run) : closure(closure_to_run) {}

  /// Releases the caller, who may destroy this at once: the lock is what keeps it until notify_one has
  /// returned.
  void Finish(Result<> final_outcome) {
    const std::lock_guard lock(mutex_);
    outcome = std::move(final_outcome);
    done_ = true;
    changed_.notify_one();
  }
  Result<> Wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return done_; });
    return std::move(outcome);
  }

  const Closure& closure;
  Operation* next = nullptr;
  Result<> outcome;  // the closure's own, until the group's is known

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool done_ = false;
};

void StoreWriter::Queue::Push(Operation* operation) {
  (last_ != nullptr ? last_->next : first_) = operation;
  last_ = operation;
}

StoreWriter::Operation* StoreWriter::Queue::Pop() {
  Operation* popped = first_;
  if (popped != nullptr) first_ = popped->next;
  if (first_ == nullptr) last_ = nullptr;
  return popped;
}

StoreWriter::StoreWriter(Parts parts)
    : parts_(std::move(parts)),
      kept_(parts_.clock.Snapshot()),
      keeping_(kept_),
      keep_time_after_(kTimeKeptEvery) {
  members_.reserve(kGroupOperations);
  thread_ = std::thread([this] { Loop(); });
  ::pthread_setname_np(thread_.native_handle(), "store-writer");
}

StoreWriter::~StoreWriter() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  work_.notify_one();
  thread_.join();
}

Result<> StoreWriter::Run(const Closure& closure, WritePriority priority) {
  CHECK(std::this_thread::get_id() != thread_.get_id());
  Operation operation(closure);
  {
    const std::lock_guard lock(mutex_);
    (priority == WritePriority::kRequest ? requests_ : background_).Push(&operation);
    pending_.fetch_add(1, std::memory_order_relaxed);
  }
  work_.notify_one();
  Result<> outcome = operation.Wait();
  pending_.fetch_sub(1, std::memory_order_relaxed);
  return outcome;
}

void StoreWriter::Loop() {
  while (WaitForWork()) {
    RunGroup();
    TendLog();
  }
  keep_time_after_ = std::chrono::microseconds(1);
  RunGroup();
}

bool StoreWriter::WaitForWork() {
  std::unique_lock lock(mutex_);
  const auto has_work = [&] { return stopping_ || !requests_.empty() || !background_.empty(); };
  if (!work_.wait_for(lock, kIdleTimeKeptEvery, has_work)) return true;  // an empty group keeps the time
  return !requests_.empty() || !background_.empty();
}

void StoreWriter::RunGroup() {
  members_.clear();
  const Result<> outcome = RunTransaction([&] { return RunQueued(); });
  if (conflict_) {
    for (Operation* member : members_) RunAlone(*member);
    return;
  }
  if (!outcome && members_.empty()) return FailQueued(outcome.error());
  for (Operation* member : members_) member->Finish(outcome ? member->outcome : outcome);
}

/// After a conflict nobody knows whose fault it was, so each member gets a transaction of its own.
void StoreWriter::RunAlone(Operation& operation) {
  Result<> outcome;
  conflict_ = true;
  for (int attempt = 0; attempt < kAttempts && conflict_; ++attempt) {
    operation.outcome = {};
    outcome = RunTransaction([&] { return RunMember(operation); });
  }
  operation.Finish(operation.outcome ? std::move(outcome) : std::move(operation.outcome));
}

/// Runs `body` in one transaction. An error is every member's.
template <class Body>
Result<> StoreWriter::RunTransaction(Body body) {
  touched_.clear();
  conflict_ = false;
  if (broken()) return Fail(ErrorCode::kUnavailable, "the store stopped writing after a failed sync");
  TRY(parts_.connection.Begin());
  Result<> outcome = body();
  if (outcome && !conflict_) outcome = KeepTime();
  if (outcome && !conflict_) return Commit();
  parts_.connection.Rollback();
  BreakIfSyncFailed();
  if (conflict_) return Fail(ErrorCode::kUnavailable, "the write lost against another node's");
  return outcome;
}

Result<> StoreWriter::RunQueued() {
  const steady_clock::time_point start = steady_clock::now();
  const auto run = [&](auto take, std::chrono::milliseconds limit) -> Result<> {
    const steady_clock::time_point end = std::min(start + kGroupTime, steady_clock::now() + limit);
    while (!conflict_ && members_.size() < kGroupOperations && steady_clock::now() < end) {
      Operation* operation = take();
      if (operation == nullptr) return {};
      members_.push_back(operation);
      TRY(RunMember(*operation));
    }
    return {};
  };
  TRY(run([&] { return TakeRequest(); }, kGroupTime));
  return run([&] { return TakeBackground(); }, kBackgroundTime);
}

/// Runs one closure in a savepoint. An error means that the transaction is lost; the closure's own is its
/// outcome.
Result<> StoreWriter::RunMember(Operation& operation) {
  TRY(parts_.connection.Run("SAVEPOINT member"));
  const std::size_t touched_before = touched_.size();
  operation.outcome = RunClosure(operation);
  if (operation.outcome) return {};
  touched_.resize(touched_before);
  if (!parts_.connection.in_transaction()) return operation.outcome;  // the database gave up all of it
  conflict_ = parts_.connection.locks_rows() && operation.outcome.error().code() == ErrorCode::kUnavailable;
  return Undo();
}

Result<> StoreWriter::RunClosure(Operation& operation) {
  WriteTransaction transaction(parts_.connection, parts_.clock.Now(), parts_.clock.clock().Now());
  TRY(operation.closure(transaction));
  TRY(parts_.connection.Run("RELEASE SAVEPOINT member"));
  touched_.insert(touched_.end(), transaction.touched_.begin(), transaction.touched_.end());
  return {};
}

Result<> StoreWriter::Undo() {
  TRY(parts_.connection.Run("ROLLBACK TO SAVEPOINT member"));
  TRY(parts_.connection.Run("RELEASE SAVEPOINT member"));
  return {};
}

Result<> StoreWriter::KeepTime() {
  const StoreClock::State state = parts_.clock.Snapshot();
  if (state.time - kept_.time < keep_time_after_ && state.suspect_until == kept_.suspect_until) return {};
  TRY(parts_.connection.Run(
      "UPDATE store_facts SET store_time = $1, suspect_until = $2 WHERE store_time <= $1", state.time,
      state.suspect_until));
  keeping_ = state;
  return {};
}

Result<> StoreWriter::Commit() {
  const Result<> outcome = parts_.connection.Commit();
  const bool unknown = !outcome && outcome.error().code() == ErrorCode::kStorageFault;
  if (outcome) kept_ = keeping_;
  if (outcome || unknown)
    for (const std::uint64_t key : touched_) parts_.versions.Raise(key);
  if (unknown) Break(outcome.error().ToString());
  BreakIfSyncFailed();
  conflict_ = !outcome && parts_.connection.locks_rows() && outcome.error().code() == ErrorCode::kUnavailable;
  return outcome;
}

StoreWriter::Operation* StoreWriter::TakeRequest() {
  const std::lock_guard lock(mutex_);
  return requests_.Pop();
}

/// Nothing once a request waits: it shall not wait for more than the slice in progress.
StoreWriter::Operation* StoreWriter::TakeBackground() {
  const std::lock_guard lock(mutex_);
  return requests_.empty() ? background_.Pop() : nullptr;
}

void StoreWriter::FailQueued(const Error& error) {
  while (Operation* operation = TakeRequest()) operation->Finish(Fail(error));
  while (Operation* operation = TakeBackground()) operation->Finish(Fail(error));
}

void StoreWriter::TendLog() {
  if (broken()) return;
  if (const Result<> outcome = parts_.connection.TendLog(parts_.gate); !outcome)
    log::Warning("could not shorten the store's log", {{"error", outcome.error().ToString()}});
  BreakIfSyncFailed();
}

void StoreWriter::BreakIfSyncFailed() {
  if (parts_.connection.sync_failed()) Break("a sync failed");
}

void StoreWriter::Break(std::string_view why) {
  if (broken_.exchange(true, std::memory_order_acq_rel)) return;
  log::Error("the store is broken: the process must end and start again", {{"error", why}});
  if (parts_.on_broken) parts_.on_broken();
}

}  // namespace entrepot::metadata
