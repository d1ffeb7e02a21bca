#pragma once

// Reads chunks of a file that is still being written: none of them is the final one.

#include <cstdint>
#include <functional>

#include "base/bytes.h"
#include "base/result.h"
#include "blobs/file_layer.h"
#include "blobs/format.h"
#include "blobs/layout.h"

namespace entrepot::blobs {

/// Gives `sink` the plaintext of the chunks [first, end), in order. kDamaged when one is missing or does not
/// verify. Not while direct I/O is on.
Result<> ReadChunks(const File& file, const BlobIdentity& identity, const Layout& layout, std::uint64_t first,
                    std::uint64_t end, const std::function<void(Bytes)>& sink);

}  // namespace entrepot::blobs
