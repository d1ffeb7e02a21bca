#pragma once

// The seam over the operating system's files. Everything that blobs/ and keys/ keep on disk goes through it,
// so that tests can lose what was not synced and fail any single call (faulty_files.h, design-storage 1.16).
//
// Files and File are safe from any thread, but a File is written by one thread at a time. No call retries a
// sync.

#include <cstdint>
#include <expected>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/fd.h"
#include "base/result.h"

namespace entrepot::blobs {

/// An errno and the call that gave it.
struct SystemError {
  int number = 0;
  const char* call = "";
};
template <class T = void>
using SystemResult = std::expected<T, SystemError>;

/// kStorageFull for ENOSPC and EDQUOT, kStorageFault for everything else. Only ENOENT means absent (1.11): a
/// caller to whom that is an answer looks at the number first.
Error ToError(const SystemError& error, std::string_view path);

template <class T>
Result<T> Lift(SystemResult<T> result, std::string_view path) {
  if (!result) return Fail(ToError(result.error(), path));
  if constexpr (std::is_void_v<T>)
    return {};
  else
    return *std::move(result);
}

struct FileStatus {
  std::uint64_t size = 0;
  std::uint64_t links = 0;  // 0 = unlinked, though still open
  std::uint32_t permissions = 0;
};

struct DiskSpace {
  std::uint64_t total = 0, available = 0;
};

class File {
 public:
  virtual ~File() = default;
  /// May read less, at the end of the file 0.
  virtual SystemResult<std::size_t> ReadAt(std::uint64_t offset, MutableBytes out) const = 0;
  /// May write less.
  virtual SystemResult<std::size_t> WriteAt(std::uint64_t offset, Bytes bytes) = 0;
  /// fdatasync. After an error the file is discarded, never synced again (1.10).
  virtual SystemResult<> Sync() = 0;
  virtual SystemResult<> Truncate(std::uint64_t size) = 0;
  virtual SystemResult<FileStatus> Status() const = 0;
  /// Turns O_DIRECT on or off; an error where the file system does not offer it. While it is on, offset,
  /// length and memory of writes are multiples of 4096.
  virtual SystemResult<> SetDirect(bool direct) = 0;
  /// Hints without an outcome: write dirty pages now; read what is on the disk, not in memory, next time.
  virtual void StartWriteback(std::uint64_t offset, std::uint64_t length) = 0;
  virtual void DropCache(std::uint64_t offset, std::uint64_t length) const = 0;
  /// For sendfile.
  virtual std::shared_ptr<const UniqueFd> descriptor() const = 0;
};

enum class Access { kRead, kReadWrite };

class Files {
 public:
  virtual ~Files() = default;
  /// A new file, mode 0600, for reading and writing; EEXIST when the name is taken.
  virtual SystemResult<std::unique_ptr<File>> Create(const std::string& path) = 0;
  virtual SystemResult<std::unique_ptr<File>> Open(const std::string& path, Access access) = 0;
  virtual SystemResult<> Unlink(const std::string& path) = 0;
  /// Mode 0700.
  virtual SystemResult<> MakeDirectory(const std::string& path) = 0;
  virtual SystemResult<> RemoveDirectory(const std::string& path) = 0;
  /// Makes the entries of a directory durable.
  virtual SystemResult<> SyncDirectory(const std::string& path) = 0;
  /// The names in a directory, without . and .., in no order.
  virtual SystemResult<std::vector<std::string>> List(const std::string& path) = 0;
  virtual SystemResult<FileStatus> Status(const std::string& path) = 0;
  virtual SystemResult<DiskSpace> Space(const std::string& path) = 0;
};

class PosixFiles : public Files {
 public:
  SystemResult<std::unique_ptr<File>> Create(const std::string& path) override;
  SystemResult<std::unique_ptr<File>> Open(const std::string& path, Access access) override;
  SystemResult<> Unlink(const std::string& path) override;
  SystemResult<> MakeDirectory(const std::string& path) override;
  SystemResult<> RemoveDirectory(const std::string& path) override;
  SystemResult<> SyncDirectory(const std::string& path) override;
  SystemResult<std::vector<std::string>> List(const std::string& path) override;
  SystemResult<FileStatus> Status(const std::string& path) override;
  SystemResult<DiskSpace> Space(const std::string& path) override;
};

/// Reads until `out` is full or the file ends; returns how much.
SystemResult<std::size_t> ReadFully(const File& file, std::uint64_t offset, MutableBytes out);
/// Writes everything. After a short write it goes on at a multiple of `granularity` (4096 for direct I/O).
SystemResult<> WriteFully(File& file, std::uint64_t offset, Bytes bytes, std::size_t granularity = 1);

}  // namespace entrepot::blobs
