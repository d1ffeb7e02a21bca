#pragma once

// Memory for keys: never swapped, never in a core dump. Small blocks of one size, taken from locked pages;
// where the system refuses to lock them (RLIMIT_MEMLOCK) they are used all the same, and that is logged once.
//
// Safe from any thread.

#include <cstddef>
#include <memory>

#include "base/crypto.h"

namespace entrepot::keys {

/// Gives out blocks of at most kBlock bytes.
class LockedMemory {
 public:
  static constexpr std::size_t kBlock = 128;
  static void* Allocate(std::size_t size);
  static void Free(void* block);
};

/// For std::allocate_shared.
template <class T>
struct LockedAllocator {
  using value_type = T;
  LockedAllocator() = default;
  template <class U>
  LockedAllocator(const LockedAllocator<U>&) {}  // NOLINT(google-explicit-constructor): as the standard asks
  T* allocate(std::size_t count) { return static_cast<T*>(LockedMemory::Allocate(count * sizeof(T))); }
  void deallocate(T* block, std::size_t) { LockedMemory::Free(block); }
  friend bool operator==(const LockedAllocator&, const LockedAllocator&) = default;
};

/// A copy of a key in locked memory; wiped when the last owner lets go.
std::shared_ptr<const SecretKey> LockKey(const SecretKey& key);

}  // namespace entrepot::keys
