#include "blobs/file_layer.h"

#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <system_error>
#include <unistd.h>

namespace entrepot::blobs {
namespace {

std::unexpected<SystemError> Errno(const char* call) { return std::unexpected(SystemError{errno, call}); }

/// Repeats a call that a signal interrupted.
template <class Call>
auto Uninterrupted(Call call) {
  decltype(call()) result;
  do result = call();
  while (result < 0 && errno == EINTR);
  return result;
}

FileStatus ToStatus(const struct stat& found) {
  return {static_cast<std::uint64_t>(found.st_size), found.st_nlink, found.st_mode & 07777u};
}

class PosixFile final : public File {
 public:
  explicit PosixFile(int fd) : fd_(std::make_shared<const UniqueFd>(fd)) {}

  SystemResult<std::size_t> ReadAt(std::uint64_t offset, MutableBytes out) const override {
    const ssize_t count = Uninterrupted(
        [&] { return ::pread(fd_->get(), out.data(), out.size(), static_cast<off_t>(offset)); });
    if (count < 0) return Errno("pread");
    return static_cast<std::size_t>(count);
  }
  SystemResult<std::size_t> WriteAt(std::uint64_t offset, Bytes bytes) override {
    const ssize_t count = Uninterrupted(
        [&] { return ::pwrite(fd_->get(), bytes.data(), bytes.size(), static_cast<off_t>(offset)); });
    if (count < 0) return Errno("pwrite");
    return static_cast<std::size_t>(count);
  }
  SystemResult<> Sync() override {
    if (::fdatasync(fd_->get()) != 0) return Errno("fdatasync");
    return {};
  }
  SystemResult<> Truncate(std::uint64_t size) override {
    if (Uninterrupted([&] { return ::ftruncate(fd_->get(), static_cast<off_t>(size)); }) != 0)
      return Errno("ftruncate");
    return {};
  }
  SystemResult<FileStatus> Status() const override {
    struct stat found;
    if (::fstat(fd_->get(), &found) != 0) return Errno("fstat");
    return ToStatus(found);
  }
  SystemResult<> SetDirect(bool direct) override {
    const int flags = ::fcntl(fd_->get(), F_GETFL);
    if (flags < 0) return Errno("fcntl");
    if (::fcntl(fd_->get(), F_SETFL, direct ? flags | O_DIRECT : flags & ~O_DIRECT) != 0)
      return Errno("fcntl");
    return {};
  }
  void StartWriteback(std::uint64_t offset, std::uint64_t length) override {
    (void)::sync_file_range(fd_->get(), static_cast<off_t>(offset), static_cast<off_t>(length),
                            SYNC_FILE_RANGE_WRITE);
  }
  void DropCache(std::uint64_t offset, std::uint64_t length) const override {
    (void)::posix_fadvise(fd_->get(), static_cast<off_t>(offset), static_cast<off_t>(length),
                          POSIX_FADV_DONTNEED);
  }
  std::shared_ptr<const UniqueFd> descriptor() const override { return fd_; }

 private:
  std::shared_ptr<const UniqueFd> fd_;
};

SystemResult<std::unique_ptr<File>> OpenFile(const std::string& path, int flags) {
  const int fd = Uninterrupted([&] { return ::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, 0600); });
  if (fd < 0) return Errno("open");
  return std::make_unique<PosixFile>(fd);
}

}  // namespace

Error ToError(const SystemError& error, std::string_view path) {
  const bool full = error.number == ENOSPC || error.number == EDQUOT;
  std::string detail = std::string(error.call) + ' ' + std::string(path) + ": " +
                       std::generic_category().message(error.number);
  return Error(full ? ErrorCode::kStorageFull : ErrorCode::kStorageFault, std::move(detail));
}

SystemResult<std::unique_ptr<File>> PosixFiles::Create(const std::string& path) {
  return OpenFile(path, O_RDWR | O_CREAT | O_EXCL);
}

SystemResult<std::unique_ptr<File>> PosixFiles::Open(const std::string& path, Access access) {
  return OpenFile(path, access == Access::kRead ? O_RDONLY : O_RDWR);
}

SystemResult<> PosixFiles::Unlink(const std::string& path) {
  if (::unlink(path.c_str()) != 0) return Errno("unlink");
  return {};
}

SystemResult<> PosixFiles::MakeDirectory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) != 0) return Errno("mkdir");
  return {};
}

SystemResult<> PosixFiles::RemoveDirectory(const std::string& path) {
  if (::rmdir(path.c_str()) != 0) return Errno("rmdir");
  return {};
}

SystemResult<> PosixFiles::SyncDirectory(const std::string& path) {
  const UniqueFd fd(Uninterrupted([&] { return ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (!fd.valid()) return Errno("open");
  if (::fsync(fd.get()) != 0) return Errno("fsync");
  return {};
}

SystemResult<std::vector<std::string>> PosixFiles::List(const std::string& path) {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path.c_str()), ::closedir);
  if (!directory) return Errno("opendir");
  std::vector<std::string> names;
  for (errno = 0; const dirent* entry = ::readdir(directory.get()); errno = 0) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) return Errno("readdir");
  return names;
}

SystemResult<FileStatus> PosixFiles::Status(const std::string& path) {
  struct stat found;
  if (::lstat(path.c_str(), &found) != 0) return Errno("lstat");
  return ToStatus(found);
}

SystemResult<DiskSpace> PosixFiles::Space(const std::string& path) {
  struct statvfs found;
  if (::statvfs(path.c_str(), &found) != 0) return Errno("statvfs");
  return DiskSpace{found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize};
}

SystemResult<std::size_t> ReadFully(const File& file, std::uint64_t offset, MutableBytes out) {
  std::size_t done = 0;
  while (done < out.size()) {
    const auto count = file.ReadAt(offset + done, out.subspan(done));
    if (!count) return count;
    if (*count == 0) break;
    done += *count;
  }
  return done;
}

SystemResult<> WriteFully(File& file, std::uint64_t offset, Bytes bytes, std::size_t granularity) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const auto count = file.WriteAt(offset + done, bytes.subspan(done));
    if (!count) return std::unexpected(count.error());
    const std::size_t next =
        (done + *count) == bytes.size() ? bytes.size() : (done + *count) / granularity * granularity;
    if (next == done) return std::unexpected(SystemError{EIO, "pwrite"});  // it takes nothing more
    done = next;
  }
  return {};
}

}  // namespace entrepot::blobs
