#pragma once

// Asks a server whether it is ready, as a client of this machine does.

#include <string>

#include "server/credentials_file.h"

namespace entrepot::cli {

struct Readiness {
  bool ready = false;
  std::string detail;  // why not, in words
};

/// GET <endpoint>/readyz, within five seconds and past no proxy. Blocks.
Readiness AskReadiness(const server::ClientSettings& settings);

}  // namespace entrepot::cli
