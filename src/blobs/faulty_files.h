#pragma once

// A test seam: real files in a real directory, of which Crash() takes back everything that was not synced,
// and whose calls can be made to fail one by one. kill -9 proves nothing about the order of syncs, because
// the page cache survives it; this does (design-storage 1.16).
//
//   FaultyFiles files;
//   for (int n = 1; files.StopAt(n), RunScenario(files), files.stopped(); ++n) {
//     files.Crash();
//     CheckRecovery(directory);
//   }
//
// After a failed sync the file's later syncs succeed and keep nothing, as Linux may do. Direct I/O is always
// offered and held to its alignment, but not really done. Only what is opened for writing through a
// FaultyFiles is tracked; whole files are kept in memory. Safe from any thread.

#include <cstdint>
#include <memory>
#include <string>

#include "blobs/file_layer.h"

namespace entrepot::blobs {

class FaultyFiles final : public Files {
 public:
  FaultyFiles();
  ~FaultyFiles() override;

  /// What may fail: every call that changes or syncs something, and reads.
  enum class Call {
    kCreate,
    kOpen,
    kRead,
    kWrite,
    kSync,
    kTruncate,
    kUnlink,
    kMakeDirectory,
    kRemoveDirectory,
    kSyncDirectory,
    kList,
    kStatus
  };

  /// From the nth call on (1 = the next) nothing has an effect and everything fails with EIO, as if the
  /// machine had stopped there; 0 = never.
  void StopAt(int call);
  /// True once StopAt's call was reached.
  bool stopped() const;
  /// The nth call from now fails with `error` and has no effect; later ones work. 0 = none.
  void FailAt(int call, int error);
  /// The nth call of one kind fails with `error`.
  void FailAt(Call kind, int call, int error);
  /// True once a FailAt's call was reached.
  bool failed() const;
  /// Every write takes at most so many bytes; 0 = all of them.
  void LimitWrites(std::size_t bytes);

  /// The power fails: unsynced content and unsynced directory entries go, and every File opened before fails
  /// for good. With a seed, each unsynced 4096-byte block and each unsynced entry stays or goes at random
  /// instead, as a disk would have it. Clears StopAt and FailAt.
  void Crash(std::uint64_t seed = 0);

  /// How many calls there were since the start or the last Crash.
  int calls() const;
  int calls(Call kind) const;

  SystemResult<std::unique_ptr<File>> Create(const std::string& path) override;
  SystemResult<std::unique_ptr<File>> Open(const std::string& path, Access access) override;
  SystemResult<> Unlink(const std::string& path) override;
  SystemResult<> MakeDirectory(const std::string& path) override;
  SystemResult<> RemoveDirectory(const std::string& path) override;
  SystemResult<> SyncDirectory(const std::string& path) override;
  SystemResult<std::vector<std::string>> List(const std::string& path) override;
  SystemResult<FileStatus> Status(const std::string& path) override;
  SystemResult<DiskSpace> Space(const std::string& path) override;

 private:
  friend class FaultyFile;
  struct World;
  std::shared_ptr<World> world_;  // outlived by no File
};

}  // namespace entrepot::blobs
