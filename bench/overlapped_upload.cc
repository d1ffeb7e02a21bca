#include <array>
#include <cstdlib>
#include <fcntl.h>
#include <memory>
#include <semaphore>
#include <thread>

#include "base/check.h"
#include "bench/upload_bound.h"

namespace entrepot::bench {
namespace {

constexpr std::size_t kBlock = 1 << 20;
constexpr std::size_t kAlignment = 4096;  // of addresses, offsets and lengths, for O_DIRECT
constexpr int kRing = 8;

struct FreeMemory {
  void operator()(std::uint8_t* memory) const { std::free(memory); }
};
using AlignedBlock = std::unique_ptr<std::uint8_t, FreeMemory>;

AlignedBlock NewBlock() {
  AlignedBlock block(static_cast<std::uint8_t*>(std::aligned_alloc(kAlignment, kBlock)));
  CHECK(block != nullptr);
  return block;
}

struct Slot {
  AlignedBlock memory = NewBlock();
  std::size_t length = 0;  // 0 marks the end of the body
  Bytes bytes() const { return {memory.get(), length}; }
};
using Ring = std::array<Slot, kRing>;

/// A thread that takes every slot of the ring in order, after the receiver has filled it.
class Stage {
 public:
  template <class Work>
  Stage(Ring& ring, Work work)
      : thread_([this, &ring, work = std::move(work)]() mutable {
          for (std::size_t i = 0;; ++i) {
            filled_.acquire();
            const Slot& slot = ring[i % kRing];
            if (slot.length == 0) return;
            work(slot);
            free_.release();
          }
        }) {}

  void AwaitFree() { free_.acquire(); }
  void Hand() { filled_.release(); }

 private:
  std::counting_semaphore<kRing> free_{kRing}, filled_{0};
  std::jthread thread_;  // last: it uses the semaphores, and is joined before they go
};

std::size_t RoundUp(std::size_t length) { return (length + kAlignment - 1) / kAlignment * kAlignment; }

/// Reads the body into the ring; false when the client is gone. Ends both stages.
bool Receive(BoundRequests& requests, Ring& ring, Stage& hash, Stage& write) {
  for (std::size_t i = 0;; ++i) {
    hash.AwaitFree();
    write.AwaitFree();
    Slot& slot = ring[i % kRing];
    const bool more = requests.body_left() > 0;
    slot.length = more ? requests.Read({slot.memory.get(), kBlock}) : 0;
    hash.Hand();
    write.Hand();
    if (slot.length == 0) return !more;
  }
}

}  // namespace

bool StoreOverlapped(BoundRequests& requests, const UploadWork& work) {
  thread_local Ring ring;
  thread_local const AlignedBlock sealed = NewBlock();
  const std::uint64_t length = requests.body_left();
  UploadFile file(work, O_DIRECT);
  Hasher hasher(HashAlgorithm::kSha256);
  ChunkSealer sealer;
  std::uint8_t* const sealed_bytes = sealed.get();  // this connection's, not the writing thread's own
  bool whole;
  {
    Stage hash(ring, [&](const Slot& slot) {
      if (work.hash) hasher.Update(slot.bytes());
    });
    Stage write(ring, [&, offset = std::uint64_t{0}](const Slot& slot) mutable {
      if (work.seal) sealer.Seal(slot.bytes(), sealed_bytes);
      file.Write({work.seal ? sealed_bytes : slot.memory.get(), RoundUp(slot.length)}, offset);
      offset += slot.length;
    });
    whole = Receive(requests, ring, hash, write);
  }
  if (whole) file.Finish(length);
  return whole;
}

}  // namespace entrepot::bench
