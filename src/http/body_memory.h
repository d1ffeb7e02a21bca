#pragma once

// The memory that bodies of requests and answers may take, over all connections (Limits::body_memory), and
// the pages it is made of. Safe from any thread.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace entrepot::http {

class BodyMemory {
 public:
  explicit BodyMemory(std::uint64_t limit) : limit_(limit), free_(limit) {}
  ~BodyMemory();

  /// False when that much is not free, or others wait for it already.
  [[nodiscard]] bool TryTake(std::size_t bytes);
  void Give(std::size_t bytes);

  /// For what was let in already: `granted` runs once, on the thread that gives the memory back, when `bytes`
  /// have been taken; first come, first served. `bytes` must not exceed the limit.
  std::uint64_t WaitFor(std::size_t bytes, std::function<void()> granted);
  /// True = taken off the queue, `granted` will not run; false = it has run or is running.
  bool CancelWait(std::uint64_t id);

  /// Page-aligned memory for bytes that were taken. What is freed is kept for the next one until Trim.
  std::uint8_t* Allocate(std::size_t bytes);
  void Free(std::uint8_t* pages, std::size_t bytes);
  /// Gives back to the system what was not used since the last call. Called every second.
  void Trim();

  std::uint64_t limit() const { return limit_; }
  std::uint64_t in_use() const;

 private:
  struct Waiter {
    std::uint64_t id;
    std::size_t bytes;
    std::function<void()> granted;
  };
  /// Freed pages of one size that are kept for reuse: the sizes of blocks and of what answers are made in.
  struct Shelf {
    std::size_t bytes;
    std::vector<std::uint8_t*> pages;
    std::size_t unused = 0;  // the fewest that lay here since the last Trim
  };

  Shelf* ShelfFor(std::size_t bytes);

  const std::uint64_t limit_;
  mutable std::mutex mutex_;
  std::uint64_t free_;
  std::uint64_t next_waiter_ = 1;
  std::list<Waiter> waiters_;
  std::mutex shelf_mutex_;
  std::vector<Shelf> shelves_{{64u << 10, {}}, {68u << 10, {}}, {256u << 10, {}}, {1u << 20, {}}};
};

/// Bytes of the budget that are given back at the end.
class MemoryHold {
 public:
  MemoryHold() = default;
  /// Takes over `bytes` that were taken from `memory`.
  MemoryHold(BodyMemory& memory, std::size_t bytes) : memory_(&memory), bytes_(bytes) {}
  MemoryHold(MemoryHold&& other) noexcept : memory_(other.memory_), bytes_(std::exchange(other.bytes_, 0)) {}
  MemoryHold& operator=(MemoryHold&& other) noexcept {
    std::swap(memory_, other.memory_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~MemoryHold() {
    if (bytes_ > 0) memory_->Give(bytes_);
  }

  /// Takes more; false, with nothing taken, when it is not free.
  [[nodiscard]] bool Grow(BodyMemory& memory, std::size_t bytes) {
    if (!memory.TryTake(bytes)) return false;
    memory_ = &memory;
    bytes_ += bytes;
    return true;
  }

 private:
  BodyMemory* memory_ = nullptr;
  std::size_t bytes_ = 0;
};

/// Pages of the budget: taken before by the caller, given back at the end.
class PageBuffer {
 public:
  PageBuffer(BodyMemory& memory, std::size_t bytes)
      : hold_(memory, bytes), memory_(memory), bytes_(bytes), pages_(memory.Allocate(bytes)) {}
  PageBuffer(const PageBuffer&) = delete;
  ~PageBuffer() { memory_.Free(pages_, bytes_); }
  MutableBytes bytes() { return {pages_, bytes_}; }

 private:
  MemoryHold hold_;
  BodyMemory& memory_;
  const std::size_t bytes_;
  std::uint8_t* const pages_;
};

}  // namespace entrepot::http
