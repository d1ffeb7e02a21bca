#include "http/file_window.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <linux/magic.h>
#include <memory>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <unistd.h>

namespace entrepot::http {
namespace {

// The kernel's own reading ahead makes folios of up to what is read at once, and a sent page costs a tenth
// more when it is a folio of its own; pages that POSIX_FADV_WILLNEED brings in always are, and came at half
// the speed.
constexpr std::size_t kLoadBuffer = 1u << 20;

bool LiesInMemory(int file) {
  struct statfs status{};
  return ::fstatfs(file, &status) == 0 && (status.f_type == TMPFS_MAGIC || status.f_type == RAMFS_MAGIC);
}

}  // namespace

std::size_t ReadIfCached(int file, std::uint64_t offset, MutableBytes out) {
  const iovec part{out.data(), out.size()};
  ssize_t count = ::preadv2(file, &part, 1, static_cast<off_t>(offset), RWF_NOWAIT);
  if (count < 0 && errno == EOPNOTSUPP && LiesInMemory(file))
    count = ::preadv2(file, &part, 1, static_cast<off_t>(offset), 0);
  return count < 0 ? 0 : static_cast<std::size_t>(count);
}

bool IsCached(int file, std::uint64_t offset, std::uint64_t length) {
  std::uint8_t byte = 0;
  return ReadIfCached(file, offset, {&byte, 1}) == 1 &&
         ReadIfCached(file, offset + length - 1, {&byte, 1}) == 1;
}

bool LoadWindow(int file, std::uint64_t offset, std::uint64_t length) {
  const auto buffer = std::make_unique_for_overwrite<std::uint8_t[]>(kLoadBuffer);
  for (std::uint64_t loaded = 0; loaded < length;) {
    const std::size_t count = std::min<std::uint64_t>(length - loaded, kLoadBuffer);
    if (!ReadFully(file, offset + loaded, {buffer.get(), count})) return false;
    loaded += count;
  }
  return true;
}

bool ReadFully(int file, std::uint64_t offset, MutableBytes out) {
  while (!out.empty()) {
    const ssize_t count = ::pread(file, out.data(), out.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    offset += static_cast<std::uint64_t>(count);
    out = out.subspan(static_cast<std::size_t>(count));
  }
  return true;
}

}  // namespace entrepot::http
