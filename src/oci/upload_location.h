#pragma once

// The Location of an upload: its path, and a sealed state that says whose session it is and how far it was
// when the Location was given (design-storage 1.2, 1.4). Nothing of it can be read or made by a client.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "access/access.h"
#include "base/clock.h"
#include "base/result.h"
#include "registry/repository.h"
#include "registry/uploads.h"

namespace entrepot::oci {

/// Whether chunks under ECR's 5 MiB came. Only the last may be one, which shows when the next comes or the
/// upload is closed.
enum class ShortChunks : std::uint8_t { kNone = 0, kLast = 1, kInTheMiddle = 2 };

struct UploadLocation {
  registry::UploadTicket ticket;
  std::uint64_t offset = 0;  // bytes received when the Location was given
  ShortChunks short_chunks = ShortChunks::kNone;
};

/// The relative path with its query.
std::string WriteUploadLocation(access::Access& access, const registry::Repository& repository,
                                const UploadLocation& location);

/// Reads the `state` of a request for upload `id` by `principal`. kUploadNotFound unless it was sealed here
/// for that upload, repository and principal, no longer than 24 hours before `now`.
Result<UploadLocation> ReadUploadLocation(access::Access& access, const registry::Repository& repository,
                                          std::string_view principal, std::string_view id,
                                          std::string_view state, Timestamp now);
/// The same from memory, or nothing.
std::optional<UploadLocation> TryReadUploadLocation(access::Access& access,
                                                    const registry::Repository& repository,
                                                    std::string_view principal, std::string_view id,
                                                    std::string_view state, Timestamp now);

}  // namespace entrepot::oci
