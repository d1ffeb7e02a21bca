#include "server/disk_reserve.h"

#include <algorithm>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"

namespace entrepot::server {
namespace {

std::uint64_t SizeOfDisk(const std::filesystem::path& directory) {
  std::error_code error;
  const std::filesystem::space_info space = std::filesystem::space(directory, error);
  return error ? 0 : space.capacity;
}

}  // namespace

DiskReserve::DiskReserve(std::filesystem::path path, std::uint64_t bytes)
    : path_(std::move(path)), bytes_(std::min(bytes, SizeOfDisk(path_.parent_path()) / 32)) {
  if (bytes_ == 0) {
    ::unlink(path_.c_str());
    return;
  }
  given_up_ = !Take();
  if (given_up_)
    log::Warning("there is no room for the disk's reserve: no layers are taken in until there is",
                 {{"bytes", bytes_}});
}

bool DiskReserve::Take() {
  const UniqueFd file(::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  const auto size = static_cast<off_t>(bytes_);
  if (file.valid() && ::ftruncate(file.get(), size) == 0 && ::posix_fallocate(file.get(), 0, size) == 0)
    return true;
  ::unlink(path_.c_str());
  return false;
}

void DiskReserve::Tend() {
  if (bytes_ == 0) return;
  std::error_code error;
  const std::filesystem::space_info space = std::filesystem::space(path_.parent_path(), error);
  if (error) return;
  if (!given_up_ && space.available < bytes_) {
    ::unlink(path_.c_str());
    given_up_ = true;
    log::Error("the disk is full: its reserve is given up, and no layers are taken in until there is room",
               {{"available_bytes", space.available}, {"reserve_bytes", bytes_}});
  } else if (given_up_ && space.available >= 3 * bytes_ && Take()) {
    given_up_ = false;
    log::Info("the disk has room again: layers are taken in", {{"available_bytes", space.available}});
  }
}

}  // namespace entrepot::server
