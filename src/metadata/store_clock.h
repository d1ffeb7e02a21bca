#pragma once

// Store time: a counter that elapsed time advances while the store is open, and that stands still while it is
// not (design-storage 1.13). Safe from any thread.

#include <chrono>
#include <mutex>

#include "base/clock.h"

namespace entrepot::metadata {

class StoreClock {
 public:
  /// What is kept over restarts. Both are store time.
  struct State {
    Timestamp time;
    Timestamp suspect_until;
  };

  /// Goes on from `state`.
  StoreClock(const Clock& clock, State state);

  Timestamp Now() const;
  State Snapshot() const { return {Now(), SuspectUntil()}; }

  bool Suspect() const { return Now() < SuspectUntil(); }
  void Confirm();
  const Clock& clock() const { return clock_; }

 private:
  /// Wall time less elapsed time: constant while nobody moves the wall clock.
  std::chrono::microseconds Divergence() const;
  /// Looks for a step of the wall clock, and returns until when it makes time suspect.
  Timestamp SuspectUntil() const;

  const Clock& clock_;
  const Timestamp start_;
  const std::chrono::microseconds elapsed_at_start_;
  mutable std::mutex mutex_;
  mutable std::chrono::microseconds trusted_divergence_;
  mutable Timestamp suspect_until_;
};

}  // namespace entrepot::metadata
