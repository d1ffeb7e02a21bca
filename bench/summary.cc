#include "bench/summary.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iterator>
#include <unistd.h>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

namespace entrepot::bench {
namespace {

/// The value at `share` of a sorted list, in milliseconds.
double Quantile(const std::vector<double>& sorted, double share) {
  if (sorted.empty()) return 0;
  const auto index = static_cast<std::size_t>(share * static_cast<double>(sorted.size()));
  return sorted[std::min(index, sorted.size() - 1)] * 1e3;
}

}  // namespace

void Tally::Failed(std::string reason) {
  if (failures++ == 0) first_failure = std::move(reason);
}

void Tally::Merge(Tally&& other) {
  latencies.insert(latencies.end(), other.latencies.begin(), other.latencies.end());
  bytes += other.bytes;
  if (first_failure.empty()) first_failure = std::move(other.first_failure);
  failures += other.failures;
}

Meter::Meter(int server_pid)
    : server_pid_(server_pid),
      started_((ResetHighestMemory(server_pid), Now())),
      server_cpu_(CpuOf(server_pid)),
      own_cpu_(CpuOf(getpid())),
      server_memory_(MemoryOf(server_pid)) {}

void Meter::Finish(const Options& options, Tally tally) const {
  const double wall = Now() - started_;
  const CpuTime server = CpuOf(server_pid_) - server_cpu_;
  const CpuTime own = CpuOf(getpid()) - own_cpu_;
  std::sort(tally.latencies.begin(), tally.latencies.end());
  const auto succeeded = static_cast<double>(tally.latencies.size());
  const auto bytes = static_cast<double>(tally.bytes);

  boost::json::object line;
  line["mode"] = options.mode_name;
  line["connections"] = options.connections;
  line["succeeded"] = tally.latencies.size();
  line["failed"] = tally.failures;
  line["first_failure"] = tally.first_failure;
  line["bytes"] = tally.bytes;
  line["wall_s"] = wall;
  line["requests_per_s"] = succeeded / wall;
  line["mb_per_s"] = bytes / wall / 1e6;
  line["p50_ms"] = Quantile(tally.latencies, 0.5);
  line["p90_ms"] = Quantile(tally.latencies, 0.9);
  line["p99_ms"] = Quantile(tally.latencies, 0.99);
  line["max_ms"] = Quantile(tally.latencies, 1);
  line["server_user_s"] = server.user_seconds;
  line["server_system_s"] = server.system_seconds;
  line["server_cpu_s_per_gib"] = bytes > 0 ? server.total() / (bytes / (1u << 30)) : 0;
  line["server_cpu_us_per_request"] = succeeded > 0 ? server.total() * 1e6 / succeeded : 0;
  line["server_rss_before_kib"] = server_memory_.resident_kib;
  line["server_rss_highest_kib"] = MemoryOf(server_pid_).highest_kib;
  line["generator_cpu_s"] = own.total();
  std::puts(boost::json::serialize(line).c_str());
}

double Now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace entrepot::bench
