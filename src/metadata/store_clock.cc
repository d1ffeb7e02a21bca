#include "metadata/store_clock.h"

namespace entrepot::metadata {
namespace {

constexpr std::chrono::minutes kTolerance{5};
constexpr std::chrono::hours kPause{24};

}  // namespace

StoreClock::StoreClock(const Clock& clock, State state)
    : clock_(clock),
      start_(state.time),
      elapsed_at_start_(clock.Elapsed()),
      trusted_divergence_(Divergence()),
      suspect_until_(state.suspect_until) {}

Timestamp StoreClock::Now() const { return start_ + (clock_.Elapsed() - elapsed_at_start_); }

std::chrono::microseconds StoreClock::Divergence() const {
  return std::chrono::microseconds(clock_.Now().micros) - clock_.Elapsed();
}

Timestamp StoreClock::SuspectUntil() const {
  const std::chrono::microseconds divergence = Divergence();
  const std::lock_guard lock(mutex_);
  if (std::chrono::abs(divergence - trusted_divergence_) > kTolerance) {
    trusted_divergence_ = divergence;
    suspect_until_ = Now() + kPause;
  }
  return suspect_until_;
}

void StoreClock::Confirm() {
  const std::chrono::microseconds divergence = Divergence();
  const std::lock_guard lock(mutex_);
  trusted_divergence_ = divergence;
  suspect_until_ = {};
}

}  // namespace entrepot::metadata
