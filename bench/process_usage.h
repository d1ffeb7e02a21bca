#pragma once

// What a process has cost so far, all its threads together, from /proc.

namespace entrepot::bench {

struct CpuTime {
  double user_seconds = 0, system_seconds = 0;
  double total() const { return user_seconds + system_seconds; }
  friend CpuTime operator-(CpuTime a, CpuTime b) {
    return {a.user_seconds - b.user_seconds, a.system_seconds - b.system_seconds};
  }
};

struct MemoryUse {
  long resident_kib = 0, highest_kib = 0;
};

/// Zeros for pid 0 and for a process that is gone.
CpuTime CpuOf(int pid);
MemoryUse MemoryOf(int pid);
/// Starts the high-water mark anew from what is resident now.
void ResetHighestMemory(int pid);

}  // namespace entrepot::bench
