#pragma once

// Which bytes of a file can be had without waiting for the disk. Event loops ask; the body pool waits.

#include <cstdint>

#include "base/bytes.h"

namespace entrepot::http {

/// Reads what lies in the page cache, without waiting: less than `out` when some of it does not.
std::size_t ReadIfCached(int file, std::uint64_t offset, MutableBytes out);

/// Whether the run begins and ends in the page cache: what is read in order is cached in order.
bool IsCached(int file, std::uint64_t offset, std::uint64_t length);

/// Brings the run into the page cache; runs that are asked for in order are read ahead by the kernel. Blocks.
/// False when it cannot be read or the file is shorter.
bool LoadWindow(int file, std::uint64_t offset, std::uint64_t length);

/// Blocks. False when it cannot be read or the file is shorter.
bool ReadFully(int file, std::uint64_t offset, MutableBytes out);

}  // namespace entrepot::http
