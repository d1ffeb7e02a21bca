#pragma once

// What tests of the store share: opening one, and counting things in it.

#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

#include "metadata/sql/test_database.h"
#include "metadata/store.h"

namespace entrepot::metadata {

inline std::unique_ptr<Store> MustOpen(const StoreOptions& options) {
  auto opened = OpenStore(options);
  if (!opened) throw std::runtime_error(opened.error().ToString());
  return std::move(*opened);
}

/// Inserts a row into the table that tests use; a second one of that name is an error.
inline Result<> Insert(sql::Session& session, std::string_view name, std::int64_t next = 0) {
  const std::int64_t inserted = TRY(
      session.Run("INSERT INTO counters (name, next) VALUES ($1, $2) ON CONFLICT DO NOTHING", name, next));
  if (inserted == 0) return Fail(ErrorCode::kValidation, "already there");
  return {};
}

inline bool Has(Store& store, std::string_view name) {
  return store
      .Read([&](sql::Session& session) -> Result<bool> {
        sql::Cursor row = TRY(session.Query("SELECT next FROM counters WHERE name = $1", name));
        return row.Next();
      })
      .value();
}

inline Result<> WriteRow(Store& store, std::string_view name,
                         WritePriority priority = WritePriority::kRequest) {
  return store.Write([&](WriteTransaction& transaction) { return Insert(transaction.session(), name); },
                     priority);
}

/// A door that threads wait at until it is opened.
class Latch {
 public:
  void Open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void Wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return open_; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

/// Holds the writer inside a closure until ReleaseAt, so that what is written meanwhile is the next group.
class HeldWriter {
 public:
  explicit HeldWriter(Store& store, WritePriority priority = WritePriority::kRequest)
      : store_(store), thread_([this, &store, priority] {
          (void)store.Write(
              [this](WriteTransaction&) -> Result<> {
                entered_.Open();
                released_.Wait();
                return {};
              },
              priority);
        }) {
    entered_.Wait();
  }
  ~HeldWriter() { thread_.join(); }
  /// Once `writes` others are queued.
  void ReleaseAt(std::size_t writes) {
    while (store_.pending_writes() < writes + 1) std::this_thread::yield();
    released_.Open();
  }

 private:
  Store& store_;
  Latch entered_, released_;
  std::thread thread_;
};

}  // namespace entrepot::metadata
