#pragma once

// The kinds of load. Each runs to the end of its options' budget and prints its line of JSON.

#include "base/result.h"
#include "bench/options.h"

namespace entrepot::bench {

/// GET, HEAD or POST of one request over and over, or a script's, each connection with one request in flight.
/// One thread and epoll, so that hundreds of connections cost the generator no thread switches. A script
/// whose requests have a time is an open loop: they do not wait for the answers of others while a connection
/// is free.
Result<> RunClosedLoop(const Options& options);

/// Pushes and manifest PUTs: one thread and one blocking connection each, every push with content of its own.
Result<> RunPushLoad(const Options& options);

/// Opens the connections, asks once on each, and says how much the server's memory grew for an idle one.
Result<> RunIdleLoad(const Options& options);

/// Spawns the command, asks until --path answers 200, and says how long that took. The command gets SIGTERM
/// then.
Result<> RunColdStart(const Options& options);

}  // namespace entrepot::bench
