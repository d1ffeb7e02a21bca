#include "events/event_file.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

namespace entrepot::events {
namespace {

constexpr std::size_t kLongestLine = 64 << 10;

std::unexpected<Error> Failed(std::string_view what, const std::filesystem::path& path) {
  return Fail(ErrorCode::kStorageFault, fmt::format("{} {}: {}", what, path.string(), std::strerror(errno)));
}

Result<off_t> LengthOf(const UniqueFd& file, const std::filesystem::path& path) {
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return Failed("stat", path);
  return status.st_size;
}

// A crash may have left part of a line, whose event then comes again whole.
Result<off_t> DropTornLine(const UniqueFd& file, off_t length, const std::filesystem::path& path) {
  std::string tail(std::min<std::size_t>(static_cast<std::size_t>(length), kLongestLine), '\0');
  const off_t from = length - static_cast<off_t>(tail.size());
  if (::pread(file.get(), tail.data(), tail.size(), from) != static_cast<ssize_t>(tail.size()))
    return Failed("read", path);
  if (tail.empty() || tail.back() == '\n') return length;
  const std::size_t last = tail.rfind('\n');
  const off_t whole = last == tail.npos ? from : from + static_cast<off_t>(last) + 1;
  if (::ftruncate(file.get(), whole) != 0) return Failed("truncate", path);
  return whole;
}

bool WriteAll(const UniqueFd& file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(file.get(), text.data(), text.size());
    if (written < 0 && errno != EINTR) return false;
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

Result<> SyncDirectoryOf(const std::filesystem::path& path) {
  const std::filesystem::path directory = path.has_parent_path() ? path.parent_path() : ".";
  const UniqueFd opened(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (opened.get() < 0 || ::fsync(opened.get()) != 0) return Failed("sync", directory);
  return {};
}

}  // namespace

void EventFile::Deliver(std::span<Attempt> attempts) {
  std::string lines;
  for (const Attempt& attempt : attempts)
    for (const metadata::EventRow& event : attempt.events) lines += event.content + "\n";
  const Result<> written = Append(lines);
  for (Attempt& attempt : attempts) {
    attempt.delivered = written ? attempt.events.size() : 0;
    if (!written && !attempt.events.empty()) attempt.error = written.error().fact("detail");
  }
}

Result<> EventFile::Append(std::string_view lines) {
  UniqueFd file = TRY(Open());
  off_t length = TRY(DropTornLine(file, TRY(LengthOf(file, settings_.path)), settings_.path));
  if (length > 0 && static_cast<std::uint64_t>(length) + lines.size() > settings_.rotate_at) {
    TRY(Rotate());
    file = TRY(Open());
    length = 0;
  }
  if (!WriteAll(file, lines)) {
    const std::unexpected<Error> failure = Failed("write", settings_.path);
    if (::ftruncate(file.get(), length) != 0) return Failed("truncate", settings_.path);
    return failure;
  }
  if (::fdatasync(file.get()) != 0) {
    const std::unexpected<Error> failure = Failed("sync", settings_.path);
    TRY(Rotate());  // what failed to sync is never synced again (design-storage 1.10)
    return failure;
  }
  return length == 0 ? SyncDirectoryOf(settings_.path) : Result<>();
}

Result<UniqueFd> EventFile::Open() {
  UniqueFd file(::open(settings_.path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (file.get() < 0) return Failed("open", settings_.path);
  return file;
}

Result<> EventFile::Rotate() {
  const auto numbered = [&](int number) {
    return number == 0 ? settings_.path
                       : std::filesystem::path(settings_.path.string() + "." + std::to_string(number));
  };
  for (int number = settings_.keep; number > 0; --number)
    if (::rename(numbered(number - 1).c_str(), numbered(number).c_str()) != 0 && errno != ENOENT)
      return Failed("rename", numbered(number - 1));
  if (settings_.keep == 0 && ::unlink(settings_.path.c_str()) != 0) return Failed("remove", settings_.path);
  return SyncDirectoryOf(settings_.path);
}

}  // namespace entrepot::events
