#pragma once

// CHECK stops the process on a broken invariant: something that no request, file or peer can cause, only a
// defect of ours. What a client or the environment can cause is a Result (result.h).

#include <string_view>

namespace entrepot {

/// Writes the failed condition and its place to the log and aborts.
[[noreturn]] void CheckFailed(std::string_view condition, std::string_view file, int line);

}  // namespace entrepot

#define CHECK(condition)                                       \
  do {                                                         \
    if (!(condition)) [[unlikely]]                             \
      ::entrepot::CheckFailed(#condition, __FILE__, __LINE__); \
  } while (false)
