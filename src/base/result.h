#pragma once

// Result<T> is what every function returns that a client or the environment can make fail. Exceptions stay
// inside the adapters round libraries that throw; broken invariants abort (check.h).

#include <expected>
#include <utility>

#include "base/error.h"

namespace entrepot {

template <class T = void>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> Fail(Error error) { return std::unexpected<Error>(std::move(error)); }
inline std::unexpected<Error> Fail(ErrorCode code) { return std::unexpected<Error>(Error(code)); }
inline std::unexpected<Error> Fail(ErrorCode code, std::string detail) {
  return std::unexpected<Error>(Error(code, std::move(detail)));
}

}  // namespace entrepot

/// The value of a Result, or return its error from the enclosing function: `Digest digest =
/// TRY(Digest::Parse(text));` May be nested. Not for use inside a coroutine.
#define TRY(...) ENTREPOT_TRY_NAMED(__COUNTER__, __VA_ARGS__)
#define ENTREPOT_TRY_NAMED(number, ...) ENTREPOT_TRY_AS(number, __VA_ARGS__)
#define ENTREPOT_TRY_AS(number, ...)                                                     \
  ({                                                                                     \
    auto try_result_##number = (__VA_ARGS__);                                            \
    if (!try_result_##number) [[unlikely]]                                               \
      return std::unexpected<::entrepot::Error>(std::move(try_result_##number).error()); \
    *std::move(try_result_##number);                                                     \
  })
