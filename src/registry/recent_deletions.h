#pragma once

// Layers that somebody deleted a while ago, as this process remembers it: what was just deleted does not come
// back because somebody asks whether it is there.

#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>

namespace entrepot::registry {

/// Bounded: a newer deletion may take an older one's place. Times are Clock::Elapsed. Safe from any thread.
class RecentDeletions {
 public:
  static constexpr std::chrono::hours kRemembered{1};

  /// `layer` is a LayerKey.
  void Add(std::uint64_t layer, std::chrono::microseconds now) {
    const std::lock_guard lock(mutex_);
    slots_[layer % kSlots] = {layer, now};
  }
  bool Contains(std::uint64_t layer, std::chrono::microseconds now) const {
    const std::lock_guard lock(mutex_);
    const Deletion& deletion = slots_[layer % kSlots];
    return deletion.layer == layer && now - deletion.at < kRemembered;
  }

 private:
  struct Deletion {
    std::uint64_t layer = 0;
    std::chrono::microseconds at{0};
  };
  static constexpr std::size_t kSlots = 4093;
  mutable std::mutex mutex_;
  std::array<Deletion, kSlots> slots_;  // guarded by mutex_
};

}  // namespace entrepot::registry
