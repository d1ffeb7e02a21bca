#include <chrono>
#include <cstdio>
#include <deque>
#include <thread>
#include <unistd.h>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "bench/http_client.h"
#include "bench/loads.h"
#include "bench/process_usage.h"

namespace entrepot::bench {
namespace {

using Clients = std::deque<BlockingClient>;

// What a server touches once, for its first requests, is not the cost of a connection.
constexpr int kWarmingConnections = 32;

// Connections that have each had an answer; returned when what a server keeps only for a while after one is
// gone.
Result<Clients> Connect(const Options& options, int connections) {
  Clients clients;
  for (int i = 0; i < connections; ++i) {
    const ResponseHead answer = TRY(clients.emplace_back(options).Exchange("GET", options.path));
    if (answer.status != 200)
      return Fail(ErrorCode::kUnavailable, fmt::format("status {} on connection {}", answer.status, i));
  }
  std::this_thread::sleep_for(std::chrono::duration<double>(options.seconds));
  return clients;
}

}  // namespace

Result<> RunIdleLoad(const Options& options) {
  TRY(Connect(options, kWarmingConnections));
  const MemoryUse before = MemoryOf(options.server_pid);
  const Clients clients = TRY(Connect(options, options.connections));
  const MemoryUse after = MemoryOf(options.server_pid);

  boost::json::object line;
  line["mode"] = options.mode_name;
  line["connections"] = options.connections;
  line["rss_before_kib"] = before.resident_kib;
  line["rss_after_kib"] = after.resident_kib;
  line["kib_per_connection"] =
      static_cast<double>(after.resident_kib - before.resident_kib) / options.connections;
  std::puts(boost::json::serialize(line).c_str());
  return {};
}

}  // namespace entrepot::bench
