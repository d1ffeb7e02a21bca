#include "server/small_files.h"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include <fmt/format.h>

#include "base/fd.h"

namespace entrepot::server {
namespace {

constexpr std::size_t kSmallFile = 1 << 20;

std::unexpected<Error> Failed(std::string_view what, const std::filesystem::path& path) {
  return Fail(ErrorCode::kStorageFault, SystemFailure(what, path, errno));
}

Result<> WriteAndSync(int fd, std::string_view text, const std::filesystem::path& file) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Failed("cannot write", file);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  if (::fsync(fd) != 0) return Failed("cannot sync", file);
  return {};
}

Result<> SyncDirectory(const std::filesystem::path& directory) {
  const UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.valid() || ::fsync(fd.get()) != 0) return Failed("cannot sync", directory);
  return {};
}

Result<> CreateAndWrite(const std::filesystem::path& file, std::string_view text, mode_t mode) {
  const UniqueFd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, mode));
  if (!fd.valid() || ::fchmod(fd.get(), mode) != 0) return Failed("cannot create", file);
  return WriteAndSync(fd.get(), text, file);
}

}  // namespace

std::string SystemFailure(std::string_view what, const std::filesystem::path& path, int error_number) {
  return fmt::format("{} {}: {}", what, path.string(), std::generic_category().message(error_number));
}

Result<> WriteFileAtomically(const std::filesystem::path& file, std::string_view text, mode_t mode) {
  std::filesystem::path temporary = file;
  temporary += ".new";
  if (Result<> written = CreateAndWrite(temporary, text, mode); !written) {
    ::unlink(temporary.c_str());
    return written;
  }
  if (::rename(temporary.c_str(), file.c_str()) != 0) return Failed("cannot replace", file);
  return SyncDirectory(file.parent_path());
}

Result<std::string> ReadSmallFile(const std::filesystem::path& file) {
  const UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return Failed("cannot read", file);
  std::string text(kSmallFile, '\0');
  std::size_t size = 0;
  while (size < text.size()) {
    const ssize_t got = ::read(fd.get(), text.data() + size, text.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Failed("cannot read", file);
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
  }
  text.resize(size);
  return text;
}

Result<> CreatePrivateDirectory(const std::filesystem::path& directory) {
  std::error_code error;
  if (directory.has_parent_path()) std::filesystem::create_directories(directory.parent_path(), error);
  if (error)
    return Fail(ErrorCode::kStorageFault,
                SystemFailure("cannot create", directory.parent_path(), error.value()));
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) return Failed("cannot create", directory);
  if (!std::filesystem::is_directory(directory, error))
    return Fail(ErrorCode::kStorageFault, fmt::format("{} is no directory", directory.string()));
  return {};
}

}  // namespace entrepot::server
