// Loads one HTTP server on an IPv4 address and prints one line of JSON: rates, latencies, and what the run
// cost the server in CPU and memory. bench/run.py drives it; `load_generator --help` lists the modes.

#include <cstdio>
#include <sys/resource.h>

#include "bench/loads.h"
#include "bench/options.h"

namespace entrepot::bench {
namespace {

Result<> Run(const Options& options) {
  switch (options.mode) {
    case Mode::kGet:
    case Mode::kHead:
    case Mode::kPost:
    case Mode::kReplay:
      return RunClosedLoop(options);
    case Mode::kPush:
    case Mode::kPushSingle:
    case Mode::kPushChunks:
    case Mode::kManifest:
      return RunPushLoad(options);
    case Mode::kIdle:
      return RunIdleLoad(options);
    case Mode::kStart:
      return RunColdStart(options);
  }
  return {};
}

/// A connection is a descriptor; the soft limit of 1024 is for programs that call select.
void RaiseDescriptorLimit() {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace
}  // namespace entrepot::bench

int main(int argc, char** argv) {
  using namespace entrepot::bench;
  const Options options = ParseOptions(argc, argv);
  RaiseDescriptorLimit();
  const auto outcome = Run(options);
  if (!outcome) std::fprintf(stderr, "load_generator: %s\n", outcome.error().ToString().c_str());
  return outcome ? 0 : 1;
}
