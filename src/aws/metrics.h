#pragma once

// What the door counts, per operation. Written by every worker, read by whoever renders /metrics: safe from
// any thread.

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace entrepot::aws {

class OperationMetrics {
 public:
  /// Upper bounds of the latency histogram in seconds; a last bucket takes the rest.
  static constexpr std::array kBounds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                         0.25,  0.5,    1.0,   2.5,  5.0,   10.0};

  void Count(int status, std::chrono::microseconds took) {
    const double seconds = std::chrono::duration<double>(took).count();
    std::size_t bucket = 0;
    while (bucket < kBounds.size() && seconds > kBounds[bucket]) ++bucket;
    latency_[bucket].fetch_add(1, std::memory_order_relaxed);
    micros_.fetch_add(static_cast<std::uint64_t>(took.count()), std::memory_order_relaxed);
    if (status >= 500) server_errors_.fetch_add(1, std::memory_order_relaxed);
    if (status >= 400 && status < 500) client_errors_.fetch_add(1, std::memory_order_relaxed);
  }

  /// How many calls fell into each bucket of kBounds and the one beyond: not cumulated.
  std::array<std::uint64_t, kBounds.size() + 1> latency() const {
    std::array<std::uint64_t, kBounds.size() + 1> counts{};
    for (std::size_t i = 0; i < counts.size(); ++i) counts[i] = latency_[i].load(std::memory_order_relaxed);
    return counts;
  }
  std::uint64_t requests() const {
    std::uint64_t sum = 0;
    for (const std::uint64_t count : latency()) sum += count;
    return sum;
  }
  std::uint64_t client_errors() const { return client_errors_.load(std::memory_order_relaxed); }
  std::uint64_t server_errors() const { return server_errors_.load(std::memory_order_relaxed); }
  double seconds() const { return static_cast<double>(micros_.load(std::memory_order_relaxed)) / 1e6; }

 private:
  std::array<std::atomic<std::uint64_t>, kBounds.size() + 1> latency_{};
  std::atomic<std::uint64_t> client_errors_{0}, server_errors_{0}, micros_{0};
};

}  // namespace entrepot::aws
