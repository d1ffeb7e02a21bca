#pragma once

// Small files of a person's or of ours, written so that a crash leaves the old content or the new, and
// directories that nobody else may enter.

#include <filesystem>
#include <string>
#include <string_view>
#include <sys/types.h>

#include "base/result.h"

namespace entrepot::server {

/// Writes through a temporary file, fsync, rename and fsync of the directory. kStorageFault with the path and
/// reason.
Result<> WriteFileAtomically(const std::filesystem::path& file, std::string_view text, mode_t mode);

/// kStorageFault with the path and reason; at most 1 MiB.
Result<std::string> ReadSmallFile(const std::filesystem::path& file);

/// Creates a directory with mode 0700, and its parents as the umask says. An existing one is left as it is.
Result<> CreatePrivateDirectory(const std::filesystem::path& directory);

/// "<what> <path>: <reason of errno>".
std::string SystemFailure(std::string_view what, const std::filesystem::path& path, int error_number);

}  // namespace entrepot::server
