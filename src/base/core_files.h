#pragma once

// Keys and what they decrypt are in this process's memory, and must not reach a core file, wherever the
// system would put one (design-storage 2.10).

namespace entrepot {

/// From now on this process leaves none, and no other of its user may look into it. Called at its start.
void ForbidCoreFiles();

}  // namespace entrepot
