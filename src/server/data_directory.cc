#include "server/data_directory.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/log.h"
#include "server/small_files.h"

namespace entrepot::server {
namespace {

std::unexpected<Error> Mend(std::string detail) { return Fail(ErrorCode::kConfiguration, std::move(detail)); }

Result<std::filesystem::path> MakeEphemeralDirectory() {
  const char* parent = std::getenv("TMPDIR");
  std::string name =
      (std::filesystem::path(parent == nullptr ? "/tmp" : parent) / "entrepot-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) return Mend(SystemFailure("cannot create", name, errno));
  return std::filesystem::path(name);
}

// A directory that holds someone's other files is surely given by mistake: nothing is written into it.
bool HoldsOtherFiles(const DataLayout& layout) {
  std::error_code error;
  if (std::filesystem::exists(layout.lock(), error)) return false;
  return std::ranges::any_of(std::filesystem::directory_iterator(layout.root(), error),
                             [](const auto& entry) { return entry.path().filename() != "lost+found"; });
}

Result<> CheckDirectory(const DataLayout& layout) {
  struct stat status{};
  if (::stat(layout.root().c_str(), &status) != 0)
    return Mend(SystemFailure("cannot look at", layout.root(), errno));
  if (::access(layout.root().c_str(), R_OK | W_OK | X_OK) != 0)
    return Mend(SystemFailure("cannot write to the data directory", layout.root(), errno) +
                "; give a directory of this user's with --data-dir");
  if (status.st_uid != ::geteuid())
    return Mend(
        fmt::format("the data directory {} belongs to user {}, and this is user {}: run this as its owner",
                    layout.root().string(), status.st_uid, ::geteuid()));
  if (HoldsOtherFiles(layout))
    return Mend(fmt::format(
        "{} holds files that are not Entrepot's: give an empty or a new directory with --data-dir",
        layout.root().string()));
  if ((status.st_mode & 077) != 0)
    log::Warning("other users may enter the data directory",
                 {{"path", layout.root().string()}, {"mend", "chmod 700 " + layout.root().string()}});
  return {};
}

// An open-file-description lock: unlike flock it can be asked about without being taken.
struct flock WholeFile() {
  struct flock lock{};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

std::optional<pid_t> PidIn(int fd) {
  char text[32];
  const ssize_t size = ::pread(fd, text, sizeof text, 0);
  pid_t pid = 0;
  if (size <= 0 || std::from_chars(text, text + size, pid).ec != std::errc()) return std::nullopt;
  return pid;
}

std::unexpected<Error> InUse(const DataLayout& layout, int lock) {
  const std::optional<pid_t> pid = PidIn(lock);
  const std::string holder = pid ? fmt::format("process {}", *pid) : "another process";
  return Fail(
      Error(ErrorCode::kConfiguration,
            fmt::format("the data directory {} is in use by {}: stop that server, or give another --data-dir",
                        layout.root().string(), holder))
          .With("pid", pid ? std::to_string(*pid) : ""));
}

Result<UniqueFd> Lock(const DataLayout& layout) {
  UniqueFd fd(::open(layout.lock().c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.valid()) return Mend(SystemFailure("cannot open", layout.lock(), errno));
  struct flock whole = WholeFile();
  if (::fcntl(fd.get(), F_OFD_SETLK, &whole) != 0) {
    if (errno == EAGAIN || errno == EACCES) return InUse(layout, fd.get());
    return Mend(SystemFailure("cannot lock", layout.lock(), errno));
  }
  const std::string pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd.get(), 0) != 0 ||
      ::pwrite(fd.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size()))
    return Mend(SystemFailure("cannot write", layout.lock(), errno));
  return fd;
}

}  // namespace

Result<DataDirectory> DataDirectory::Open(const Config& config) {
  const std::filesystem::path root = config.ephemeral ? TRY(MakeEphemeralDirectory()) : config.data_dir;
  if (Result<> created = CreatePrivateDirectory(root); !created)
    return Mend(std::string(created.error().fact("detail")) +
                "; give a directory of this user's with --data-dir");
  const DataLayout layout(root);
  TRY(CheckDirectory(layout));
  return DataDirectory(root, TRY(Lock(layout)), config.ephemeral);
}

DataDirectory::~DataDirectory() {
  if (!ephemeral_ || !lock_.valid()) return;
  std::error_code error;
  std::filesystem::remove_all(layout_.root(), error);
  if (error)
    log::Warning("could not remove the temporary data directory", {{"path", layout_.root().string()}});
}

std::optional<pid_t> LockHolder(const DataLayout& layout) {
  const UniqueFd fd(::open(layout.lock().c_str(), O_RDONLY | O_CLOEXEC));
  struct flock lock = WholeFile();
  if (!fd.valid() || ::fcntl(fd.get(), F_OFD_GETLK, &lock) != 0 || lock.l_type == F_UNLCK)
    return std::nullopt;
  return PidIn(fd.get());
}

}  // namespace entrepot::server
