#include "http/body_memory.h"

#include <algorithm>
#include <sys/mman.h>
#include <utility>

#include "base/check.h"

namespace entrepot::http {
namespace {

constexpr std::size_t kPage = 4096;
std::size_t RoundToPages(std::size_t bytes) {
  return (std::max<std::size_t>(bytes, 1) + kPage - 1) / kPage * kPage;
}

std::uint8_t* Map(std::size_t bytes) {
  void* pages =
      ::mmap(nullptr, RoundToPages(bytes), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  CHECK(pages !=
        MAP_FAILED);  // the budget is what bounds memory; a machine that cannot give it is out of memory
  return static_cast<std::uint8_t*>(pages);
}
void Unmap(std::uint8_t* pages, std::size_t bytes) { ::munmap(pages, RoundToPages(bytes)); }

}  // namespace

BodyMemory::~BodyMemory() {
  for (Shelf& shelf : shelves_)
    for (std::uint8_t* pages : shelf.pages) Unmap(pages, shelf.bytes);
}

bool BodyMemory::TryTake(std::size_t bytes) {
  std::lock_guard lock(mutex_);
  if (!waiters_.empty() || free_ < bytes) return false;
  free_ -= bytes;
  return true;
}

void BodyMemory::Give(std::size_t bytes) {
  std::list<Waiter> served;
  {
    std::lock_guard lock(mutex_);
    free_ += bytes;
    while (!waiters_.empty() && waiters_.front().bytes <= free_) {
      free_ -= waiters_.front().bytes;
      served.splice(served.end(), waiters_, waiters_.begin());
    }
  }
  for (Waiter& waiter : served) waiter.granted();
}

std::uint64_t BodyMemory::WaitFor(std::size_t bytes, std::function<void()> granted) {
  CHECK(bytes <= limit_);
  std::uint64_t id = 0;
  {
    std::lock_guard lock(mutex_);
    id = next_waiter_++;
    waiters_.push_back({id, bytes, std::move(granted)});
  }
  Give(0);  // what came free since the caller looked
  return id;
}

bool BodyMemory::CancelWait(std::uint64_t id) {
  bool found = false;
  {
    std::lock_guard lock(mutex_);
    found = std::erase_if(waiters_, [id](const Waiter& waiter) { return waiter.id == id; }) > 0;
  }
  Give(0);  // the one behind may fit
  return found;
}

BodyMemory::Shelf* BodyMemory::ShelfFor(std::size_t bytes) {
  const auto found = std::ranges::find(shelves_, bytes, &Shelf::bytes);
  return found == shelves_.end() ? nullptr : &*found;
}

std::uint8_t* BodyMemory::Allocate(std::size_t bytes) {
  if (Shelf* shelf = ShelfFor(bytes)) {
    std::lock_guard lock(shelf_mutex_);
    if (!shelf->pages.empty()) {
      std::uint8_t* pages = shelf->pages.back();
      shelf->pages.pop_back();
      shelf->unused = std::min(shelf->unused, shelf->pages.size());
      return pages;
    }
  }
  return Map(bytes);
}

void BodyMemory::Free(std::uint8_t* pages, std::size_t bytes) {
  if (Shelf* shelf = ShelfFor(bytes)) {
    std::lock_guard lock(shelf_mutex_);
    shelf->pages.push_back(pages);
    return;
  }
  Unmap(pages, bytes);
}

void BodyMemory::Trim() {
  std::vector<std::pair<std::uint8_t*, std::size_t>> unused;
  {
    std::lock_guard lock(shelf_mutex_);
    for (Shelf& shelf : shelves_) {
      for (; shelf.unused > 0; --shelf.unused) {
        unused.emplace_back(shelf.pages.back(), shelf.bytes);
        shelf.pages.pop_back();
      }
      shelf.unused = shelf.pages.size();
    }
  }
  for (const auto& [pages, bytes] : unused) Unmap(pages, bytes);
}

std::uint64_t BodyMemory::in_use() const {
  std::lock_guard lock(mutex_);
  return limit_ - free_;
}

}  // namespace entrepot::http
