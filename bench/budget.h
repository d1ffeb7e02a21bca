#pragma once

#include <atomic>

#include "bench/options.h"
#include "bench/summary.h"

namespace entrepot::bench {

/// How many requests may still be issued: a number, a time, or whichever ends first. Safe from any thread.
class Budget {
 public:
  explicit Budget(const Options& options)
      : requests_(options.requests), deadline_(options.seconds > 0 ? Now() + options.seconds : 0) {}

  /// Takes one request out of the budget; false when it is spent.
  bool Take() {
    if (requests_ > 0 && issued_.fetch_add(1, std::memory_order_relaxed) >= requests_) return false;
    return deadline_ == 0 || Now() < deadline_;
  }

 private:
  const std::uint64_t requests_;
  const double deadline_;
  std::atomic<std::uint64_t> issued_{0};
};

}  // namespace entrepot::bench
