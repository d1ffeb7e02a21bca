#include "base/locked_memory.h"

#include <cerrno>
#include <cstring>
#include <mutex>
#include <new>
#include <sys/mman.h>

#include "base/check.h"
#include "base/log.h"

namespace entrepot {
namespace {

constexpr std::size_t kPages = 64 * 1024;

struct FreeBlock {
  FreeBlock* next;
};

/// Pages are kept until the process ends.
struct Arena {
  std::mutex mutex;
  FreeBlock* free = nullptr;
  bool warned = false;

  void Grow() {
    void* pages = ::mmap(nullptr, kPages, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(pages != MAP_FAILED);
    const bool locked = ::mlock(pages, kPages) == 0;
    if (!locked && !warned) {
      warned = true;
      log::Warning("keys cannot be locked into memory", {{"reason", std::strerror(errno)}});
    }
    (void)::madvise(pages, kPages, MADV_DONTDUMP);
    for (std::size_t at = 0; at < kPages; at += LockedMemory::kBlock) Give(static_cast<char*>(pages) + at);
  }
  void Give(void* block) { free = new (block) FreeBlock{free}; }
};

Arena& TheArena() {
  static Arena* const arena = new Arena;  // keys may be let go by other statics
  return *arena;
}

}  // namespace

std::uint8_t* LockedMemory::Allocate() {
  Arena& arena = TheArena();
  const std::lock_guard lock(arena.mutex);
  if (arena.free == nullptr) arena.Grow();
  FreeBlock* block = arena.free;
  arena.free = block->next;
  return reinterpret_cast<std::uint8_t*>(block);
}

void LockedMemory::Free(std::uint8_t* block) {
  Arena& arena = TheArena();
  const std::lock_guard lock(arena.mutex);
  arena.Give(block);
}

}  // namespace entrepot
