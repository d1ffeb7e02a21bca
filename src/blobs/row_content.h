#pragma once

// Content so small that it lies in its row, sealed as a file's only chunk would be, and has no file: it costs
// no file creation and no sync of its own, only its share of the transaction that publishes it
// (docs/decisions/0005). Everything else about it is as for a file: an id, a data key, a layout.

#include <string>

#include "blobs/format.h"
#include "blobs/writer.h"

namespace entrepot::blobs {

inline constexpr std::size_t kMaxRowContent = 4096;

/// `digest` is the content's. `identity.file` is in_row().
FinishedBlob SealRowContent(const BlobIdentity& identity, Bytes content, const Digest& digest);

/// kDamaged unless `stored` is what was sealed under this identity and layout.
Result<std::string> OpenRowContent(const BlobIdentity& identity, Bytes layout, Bytes stored);

}  // namespace entrepot::blobs
