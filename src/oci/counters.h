#pragma once

// What the door counts, for /metrics. Written with relaxed atomics from every thread; read at any time.

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace entrepot::oci {

struct alignas(64) OperationCounters {
  using Count = std::atomic<std::uint64_t>;

  /// Upper bounds of the latency buckets; one more bucket holds what took longer.
  static constexpr std::array<std::chrono::microseconds, 12> kLatencyBounds = {
      std::chrono::microseconds(100),        std::chrono::microseconds(250),
      std::chrono::microseconds(500),        std::chrono::microseconds(1'000),
      std::chrono::microseconds(2'500),      std::chrono::microseconds(5'000),
      std::chrono::microseconds(10'000),     std::chrono::microseconds(50'000),
      std::chrono::microseconds(250'000),    std::chrono::microseconds(1'000'000),
      std::chrono::microseconds(10'000'000), std::chrono::microseconds(60'000'000)};

  /// An answer from a worker; `took` is the time from the request's hand-over until its answer was ready.
  void Answered(int status, std::chrono::microseconds took) {
    CountStatus(status);
    std::size_t bucket = 0;
    while (bucket < kLatencyBounds.size() && took > kLatencyBounds[bucket]) ++bucket;
    latency[bucket].fetch_add(1, std::memory_order_relaxed);
    latency_micros.fetch_add(static_cast<std::uint64_t>(took.count()), std::memory_order_relaxed);
  }
  /// An answer on the event loop. Its latency is not measured.
  void AnsweredInline(int status) {
    CountStatus(status);
    answered_inline.fetch_add(1, std::memory_order_relaxed);
  }

  std::array<Count, 5> by_status_class{};  // [1] counts 2xx
  std::array<Count, kLatencyBounds.size() + 1> latency{};
  Count latency_micros{0};
  Count answered_inline{0};

 private:
  void CountStatus(int status) {
    by_status_class[static_cast<std::size_t>(status / 100 - 1)].fetch_add(1, std::memory_order_relaxed);
  }
};

}  // namespace entrepot::oci
