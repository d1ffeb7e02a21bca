#pragma once

// What a run measured, and the one line of JSON that says it.

#include <cstdint>
#include <string>
#include <vector>

#include "bench/options.h"
#include "bench/process_usage.h"

namespace entrepot::bench {

/// One connection's or loop's part of a run; kept by one thread and merged after it has ended.
struct Tally {
  std::vector<double> latencies;  // seconds, of requests that succeeded
  std::uint64_t bytes = 0;        // of bodies that moved in the measured direction
  std::uint64_t failures = 0;
  std::string first_failure;

  void Succeed(double seconds, std::uint64_t body_bytes) {
    latencies.push_back(seconds), bytes += body_bytes;
  }
  void Failed(std::string reason);
  /// A server that fails this often is not worth loading on.
  bool hopeless() const { return failures >= 50; }
  void Merge(Tally&& other);
};

/// Elapsed time and the cost to the server and to this process, from construction to Finish.
class Meter {
 public:
  explicit Meter(int server_pid);
  /// Prints the line. Latencies are in milliseconds, sizes in bytes (MB = 1e6), memory in KiB.
  void Finish(const Options& options, Tally tally) const;

 private:
  const int server_pid_;
  const double started_;
  const CpuTime server_cpu_, own_cpu_;
  const MemoryUse server_memory_;
};

/// Seconds on a clock that never goes back.
double Now();

}  // namespace entrepot::bench
