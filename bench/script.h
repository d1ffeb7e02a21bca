#pragma once

// Requests that somebody else has written, and signed, for the generator to send as they are.

#include <string>
#include <vector>

#include "base/result.h"

namespace entrepot::bench {

struct ScriptedRequest {
  double due = 0;  // seconds after the start; 0 = as soon as a connection is free
  std::string text;
};

/// Reads a file of requests: of each a line `DUE LENGTH`, then as many bytes. At least one.
Result<std::vector<ScriptedRequest>> ReadScript(const std::string& file);

}  // namespace entrepot::bench
