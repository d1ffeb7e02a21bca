#pragma once

// How long a layer that no image refers to is held, in store time (design-storage 1.7).

#include <atomic>
#include <chrono>

namespace entrepot::registry {

/// How long an upload session, and the memory of a finished one, lasts.
inline constexpr std::chrono::hours kUploadLifetime{24};

/// The grace in force: a day, and an hour while the disk is nearly full. Safe from any thread.
class Grace {
 public:
  static constexpr std::chrono::hours kOrdinary{24}, kUnderPressure{1};

  /// From a layer's upload, its mount, or the loss of its last reference.
  std::chrono::hours hold() const { return under_pressure() ? kUnderPressure : kOrdinary; }
  /// What an answer that it exists extends its hold to, when less than hold() remains.
  std::chrono::hours claimed_hold() const { return 2 * hold(); }

  bool under_pressure() const { return under_pressure_.load(std::memory_order_relaxed); }
  /// From the watch over the disk.
  void SetPressure(bool pressed) { under_pressure_.store(pressed, std::memory_order_relaxed); }

 private:
  std::atomic<bool> under_pressure_{false};
};

}  // namespace entrepot::registry
