#pragma once

// Memory for keys: never swapped, never in a core dump (design-storage 2.7). Blocks of one size, taken from
// locked pages; where the system refuses to lock them (RLIMIT_MEMLOCK) they are used all the same, and that
// is logged once.
//
// Safe from any thread.

#include <cstddef>
#include <cstdint>

namespace entrepot {

class LockedMemory {
 public:
  static constexpr std::size_t kBlock = 32;
  static std::uint8_t* Allocate();
  static void Free(std::uint8_t* block);
};

}  // namespace entrepot
