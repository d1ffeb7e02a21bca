#include "bench/process_usage.h"

#include <fstream>
#include <sstream>
#include <string>
#include <unistd.h>

#include <fmt/format.h>

namespace entrepot::bench {
namespace {

std::ifstream OpenOf(int pid, const char* file) {
  return std::ifstream(fmt::format("/proc/{}/{}", pid, file));
}

}  // namespace

CpuTime CpuOf(int pid) {
  if (pid == 0) return {};
  std::ifstream file = OpenOf(pid, "stat");
  std::string line;
  if (!std::getline(file, line)) return {};
  // The name, field 2, may hold anything but ends at the last parenthesis; utime and stime are fields 14
  // and 15.
  std::istringstream fields(line.substr(line.rfind(')') + 2));
  std::string skipped;
  for (int field = 3; field < 14; ++field) fields >> skipped;
  double user = 0, system = 0;
  fields >> user >> system;
  const double tick = 1.0 / static_cast<double>(sysconf(_SC_CLK_TCK));
  return {user * tick, system * tick};
}

MemoryUse MemoryOf(int pid) {
  MemoryUse use;
  if (pid == 0) return use;
  std::ifstream file = OpenOf(pid, "status");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("VmRSS:")) use.resident_kib = std::stol(line.substr(6));
    if (line.starts_with("VmHWM:")) use.highest_kib = std::stol(line.substr(6));
  }
  return use;
}

void ResetHighestMemory(int pid) {
  if (pid != 0) std::ofstream(fmt::format("/proc/{}/clear_refs", pid)) << "5";
}

}  // namespace entrepot::bench
