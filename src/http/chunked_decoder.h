#pragma once

// The chunked transfer coding (RFC 9112 7.1), strict: CR LF only, extensions and trailers checked for length
// and control characters, then dropped (design-access 12). A state machine over bytes: it keeps no bytes of
// its own, so a body is received straight into the memory it is wanted in and decoded where it lies.

#include <cstddef>
#include <cstdint>

#include "base/bytes.h"

namespace entrepot::http {

class ChunkedDecoder {
 public:
  struct Step {
    std::size_t consumed =
        0;  // of the encoded bytes; less than all only at the end of the body or on an error
    std::size_t decoded = 0;  // bytes of the body, now at the front of the same memory
    bool malformed = false;
  };

  Step Decode(MutableBytes encoded);
  /// The last chunk and the trailers have been read.
  bool done() const { return state_ == State::kDone; }

 private:
  enum class State {
    kSizeStart,
    kSize,
    kExtension,
    kSizeFeed,
    kData,
    kDataReturn,
    kDataFeed,
    kTrailerStart,
    kTrailer,
    kTrailerFeed,
    kEndFeed,
    kDone,
    kMalformed
  };
  static constexpr std::size_t kMostLineBytes = 4096;      // of a chunk's size and extensions
  static constexpr std::size_t kMostTrailerBytes = 16384;  // of all trailers together

  State Next(std::uint8_t byte);
  State AfterSize(std::uint8_t byte);

  State state_ = State::kSizeStart;
  std::uint64_t remaining_ = 0;  // of the chunk's data
  std::size_t overhead_ = 0;     // bytes of the line, or of the trailers, so far
};

}  // namespace entrepot::http
