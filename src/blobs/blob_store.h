#pragma once

// The directory tree of blob files (drawn in file_id.h): makes, opens, syncs, removes and lists them by id.
// It knows nothing of what is in them and nothing of rows.
//
// Order of a publication (design-storage 1.1): write -> File::Sync -> SyncEntry -> database commit -> answer.
// Safe from any thread; every call may block on the disk.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "blobs/directory_sync.h"
#include "blobs/file_id.h"
#include "blobs/file_layer.h"

namespace entrepot::blobs {

/// Whether the root may be made now. A store that ever published a blob says kMustExist: an empty directory
/// in the root's place is then a disk that is not mounted, not a new store (1.11).
enum class RootPolicy { kMayCreate, kMustExist };

class BlobStore {
 public:
  static constexpr int kFilesInDirectory = 4096;

  /// `root` lies in an existing directory. kConfiguration when the root belongs to another store or is
  /// missing, kUnavailable or kStorageFault when the disk fails. `files` outlives the store.
  static Result<std::unique_ptr<BlobStore>> Open(Files& files, std::string root, std::string store_id,
                                                 std::uint32_t boot_epoch, RootPolicy policy);

  struct NewFile {
    FileId id;
    std::unique_ptr<File> file;
  };
  /// While refused, nothing new is stored: kStorageFull from Create and RequireRoom. Whoever watches the disk
  /// says so; any thread.
  void RefuseNew(bool refuse) { refuse_new_ = refuse; }
  Result<> RequireRoom() const;

  /// A new, empty file in the current directory. Durable only after Sync and SyncEntry.
  Result<NewFile> Create();

  /// The next id for content that lies in its row.
  FileId NewRowId() { return FileId::InRow(boot_epoch_, next_in_row_.fetch_add(1)); }

  /// Makes a file's directory entry durable. Callers that come while a sync runs share the
  /// next one. After an error the file is discarded; the store goes on in a new directory.
  Result<> SyncEntry(const FileId& id);

  /// Makes a removal durable; the directory itself may be gone as well.
  Result<> SyncRemoval(const FileId& id);

  /// Null when the file is absent: the root was then found to be the right one (1.11). On another disk's root
  /// everything is kUnavailable.
  Result<std::shared_ptr<File>> Open(const FileId& id, Access access);
  /// Nothing when absent, as for Open.
  Result<std::optional<FileStatus>> Status(const FileId& id);

  /// Unlinks; a file that is already absent is no error. Durable after SyncRemoval.
  Result<> Remove(const FileId& id);

  /// kUnavailable unless the root holds this store's id.
  Result<> CheckRoot();
  Result<DiskSpace> Space();

  /// The files of boot epochs before `epoch`, a directory at a time: what may be orphans (1.12). Empty
  /// directories found on the way are removed.
  class Listing {
   public:
    /// The next directory's files (possibly none); nothing at the end. A file that vanished meanwhile is not
    /// told apart; a name that is no file id is logged and left alone.
    Result<std::optional<std::vector<FileId>>> Next();
    /// Goes on behind the directory that an earlier listing came to.
    void StartAfter(std::string_view directory);
    /// Whose files Next returned last.
    const std::string& directory() const { return directory_; }

   private:
    friend class BlobStore;
    BlobStore* store_ = nullptr;
    std::vector<std::string> directories_;  // descending
    std::string directory_;
  };
  Result<Listing> ListBefore(std::uint32_t epoch);

  std::uint32_t boot_epoch() const { return boot_epoch_; }
  const std::string& root() const { return root_; }

 private:
  struct Directory {
    std::uint32_t number;
    int files = 0;
  };

  BlobStore(Files& files, std::string root, std::string store_id, std::uint32_t boot_epoch);
  Result<> Establish(RootPolicy policy);
  Result<> WriteRootId();
  Result<std::uint32_t> TakePlace();
  void LeaveDirectory(std::string_view directory);
  std::string PathOf(const FileId& id) const { return root_ + '/' + id.path(); }

  Files& files_;
  const std::string root_, store_id_;
  const std::uint32_t boot_epoch_;
  std::mutex mutex_;
  std::optional<Directory> current_;
  std::atomic<std::uint64_t> next_in_row_{0};
  std::atomic<bool> refuse_new_{false};
  DirectorySyncs syncs_;
};

}  // namespace entrepot::blobs
