#pragma once

// How long a layer that no image refers to is held, in store time (design-storage 1.7).

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>

namespace entrepot::registry {

/// How long an upload session, and the memory of a finished one, lasts.
inline constexpr std::chrono::hours kUploadLifetime{24};

/// How long a damaged blob's file is kept for a person to look at (design-storage 1.11).
inline constexpr std::chrono::hours kQuarantine{30 * 24};

/// The grace in force: a day unless set otherwise, and an hour while the disk is nearly full. Safe from any
/// thread.
class Grace {
 public:
  static constexpr std::chrono::seconds kOrdinary = std::chrono::hours(24),
                                        kUnderPressure = std::chrono::hours(1);

  explicit Grace(std::chrono::seconds ordinary = kOrdinary) : ordinary_(ordinary) {}

  /// From a layer's upload, its mount, or the loss of its last reference.
  std::chrono::seconds hold() const {
    return under_pressure() ? std::min(ordinary_, kUnderPressure) : ordinary_;
  }
  /// What an answer that it exists extends its hold to, when less than hold() remains.
  std::chrono::seconds claimed_hold() const { return 2 * hold(); }
  /// How long artifacts outlive their subject: with the collection behind it they are gone within the day
  /// (design-storage 1.9).
  std::chrono::seconds referrers_stay() const { return hold() / 2; }

  /// For metrics: how often an answer of existence made a hold longer.
  void CountExtension() const { extensions_.fetch_add(1, std::memory_order_relaxed); }
  std::uint64_t extensions() const { return extensions_.load(std::memory_order_relaxed); }

  bool under_pressure() const { return under_pressure_.load(std::memory_order_relaxed); }
  /// From the watch over the disk.
  void SetPressure(bool pressed) { under_pressure_.store(pressed, std::memory_order_relaxed); }

 private:
  const std::chrono::seconds ordinary_;
  std::atomic<bool> under_pressure_{false};
  mutable std::atomic<std::uint64_t> extensions_{0};
};

}  // namespace entrepot::registry
