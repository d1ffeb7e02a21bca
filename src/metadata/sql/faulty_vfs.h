#pragma once

// A test seam: an SQLite VFS over the default one that knows what a power cut would leave
// (design-storage 1.16). What was written but not synced is held as pending; Restart() puts the disk into a
// state that a crash may have left. Directory entries follow the default VFS: a new log or journal syncs its
// directory at its first sync. It also fails writes and syncs when told to.
//
// Safe from any thread; lives longer than every connection that uses it.

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#include "base/bytes.h"

struct sqlite3_vfs;

namespace entrepot::metadata::sql {

class FaultyVfs {
 public:
  enum class Event {
    kAny,  // a write, truncation, sync or deletion
    kWrite,
    kSync,
  };
  enum class Fault {
    kDiskFull,  // this write and every one until Mend() finds no space; half of it is written
    kIoError,   // this event alone fails; a sync that fails loses what it was to make durable
    kCrash,     // the power goes: every event from this one on fails
  };
  /// What a crash leaves of the writes that were not synced.
  enum class Survival {
    kNothing,
    kSome,  // any of them, in part, in any order
    kEverything,
  };

  /// Registers itself; `name` is what SqliteOptions::vfs takes.
  explicit FaultyVfs(std::string name);
  FaultyVfs(const FaultyVfs&) = delete;
  ~FaultyVfs();
  const std::string& name() const { return name_; }

  /// The `nth` event of its kind from now, counted from 1.
  void FailAt(Event event, int nth, Fault fault);
  /// No more faults; what had crashed stays so.
  void Mend();
  /// How many events there were so far.
  int events() const;
  bool crashed() const;

  /// After a crash, with every connection closed: writes what survived to the disk. `seed` picks it for
  /// kSome.
  void Restart(Survival survival, std::uint32_t seed = 0);

 private:
  friend struct FaultyVfsMethods;
  struct File;
  enum class Verdict { kGoOn, kFullDisk, kIoError };

  File& Open(const std::string& path);
  Verdict Judge(Event event);

  const std::string name_;
  sqlite3_vfs* const real_;
  const std::unique_ptr<sqlite3_vfs> vfs_;

  mutable std::mutex mutex_;
  std::map<std::string, std::unique_ptr<File>> files_;
  Event awaited_ = Event::kAny;
  int until_fault_ = 0;  // 0: none is set
  Fault fault_ = Fault::kIoError;
  bool disk_full_ = false;
  bool crashed_ = false;
  int events_ = 0;
};

}  // namespace entrepot::metadata::sql
