#pragma once

// The one transactional database, the only truth (design.md 3.1). Reads run on a pool of readers; writes run
// as closures on one writer that commits them in groups (design-storage 1.5).
//
// Safe from any thread; Read and Write block the caller, and are never called from a closure.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "metadata/sql/session.h"
#include "metadata/version_stripes.h"

namespace entrepot::metadata {

/// A write in progress: a session inside the closure's savepoint, and the cache keys it changes. Closures are
/// re-runnable: they may be run again from the start after a rollback, so they change nothing but rows, what
/// they return, and what they Touch.
class WriteTransaction {
 public:
  sql::Session& session() { return session_; }
  sql::Session* operator->() { return &session_; }
  /// What `key` means has changed: after the commit, and before the answer leaves, its version stripe is
  /// raised.
  void Touch(std::uint64_t key_hash) { touched_.push_back(key_hash); }
  /// The store time of this transaction (design-storage 1.13): what collection and grace count with.
  Timestamp store_time() const { return store_time_; }
  Timestamp now() const { return now_; }

 private:
  friend class StoreWriter;
  WriteTransaction(sql::Session& session, Timestamp store_time, Timestamp now)
      : session_(session), store_time_(store_time), now_(now) {}
  sql::Session& session_;
  Timestamp store_time_, now_;
  std::vector<std::uint64_t> touched_;
};

enum class WritePriority { kRequest, kBackground };

class Store {
 public:
  virtual ~Store() = default;

  /// Runs `closure(WriteTransaction&) -> Result<T>` on the writer and returns once it is committed and
  /// durable; an error rolls the closure back and nothing else of its group.
  template <class Closure>
  auto Write(Closure closure, WritePriority priority = WritePriority::kRequest)
      -> std::invoke_result_t<Closure&, WriteTransaction&> {
    std::invoke_result_t<Closure&, WriteTransaction&> answer =
        Fail(ErrorCode::kInternal, "the write did not run");
    Result<> outcome = RunWrite(
        [&](WriteTransaction& transaction) -> Result<> {
          answer = closure(transaction);
          if (!answer) return Fail(answer.error());
          return {};
        },
        priority);
    if (!outcome) return Fail(std::move(outcome).error());
    return answer;
  }

  /// Runs `closure(sql::Session&) -> Result<T>` in one read transaction: a consistent snapshot, limited in
  /// time.
  template <class Closure>
  auto Read(Closure closure) -> std::invoke_result_t<Closure&, sql::Session&> {
    std::invoke_result_t<Closure&, sql::Session&> answer = Fail(ErrorCode::kInternal, "the read did not run");
    Result<> outcome = RunRead([&](sql::Session& session) -> Result<> {
      answer = closure(session);
      if (!answer) return Fail(answer.error());
      return {};
    });
    if (!outcome) return Fail(std::move(outcome).error());
    return answer;
  }

  virtual VersionStripes& versions() = 0;
  virtual const Clock& clock() const = 0;
  /// Now, as store time (design-storage 1.13). It goes on from what was last committed, so a crash may repeat
  /// its last second, and its last minute when nothing was written: grace lasts longer then, never shorter.
  virtual Timestamp StoreTime() const = 0;
  /// True while wall time cannot be trusted: it moved more than 5 minutes against elapsed time within the
  /// last 24 h, and nobody confirmed it. Irreversible acts pause (design-storage 1.13).
  virtual bool time_suspect() const = 0;
  /// A person says that the wall clock is right as it now stands.
  virtual void ConfirmTime() = 0;
  /// This process's number among all that ever opened the store; part of every blob file's name.
  virtual std::uint32_t boot_epoch() const = 0;
  /// The store's own UUID, which the blob root repeats (design-storage 1.11).
  virtual const std::string& store_id() const = 0;
  /// Writes that wait or run: for metrics.
  virtual std::size_t pending_writes() const = 0;
  /// True once a sync or COMMIT had an unknown outcome: every later write fails, and the process must end and
  /// start again (design-storage 1.10).
  virtual bool broken() const = 0;

 protected:
  virtual Result<> RunWrite(std::function<Result<>(WriteTransaction&)> closure, WritePriority priority) = 0;
  virtual Result<> RunRead(std::function<Result<>(sql::Session&)> closure) = 0;
};

struct StoreOptions {
  /// "sqlite:<path>" or a libpq connection string beginning with "postgresql://".
  std::string url;
  int readers = 4;
  /// On PostgreSQL: no other process that asks for this has the store open (kConfiguration). SQLite's file has
  /// one writer in any case. Servers and commands ask: files of a boot that is not the last are swept
  /// (design-storage 1.12), and caches follow the versions of one process.
  bool sole = false;
  /// How long a read transaction may run, and how long a read waits for a free reader: kUnavailable after
  /// that.
  std::chrono::milliseconds read_limit{5000};
  const Clock* clock = nullptr;
  /// Called once when the store breaks (see broken()): stop answering and end the process.
  std::function<void()> on_broken;
  /// The SQLite VFS to use; tests give one that drops unsynced data. "" = the default.
  std::string sqlite_vfs;
};

/// Opens or creates the store and brings its schema up to date. A store made by a newer release is refused
/// with kConfiguration.
Result<std::unique_ptr<Store>> OpenStore(StoreOptions options);

}  // namespace entrepot::metadata
