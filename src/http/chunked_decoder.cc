#include "http/chunked_decoder.h"

#include <algorithm>
#include <cstring>

namespace entrepot::http {
namespace {

int HexValue(std::uint8_t c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool IsTextByte(std::uint8_t c) { return c == '\t' || (c >= 0x20 && c != 0x7f); }

}  // namespace

ChunkedDecoder::Step ChunkedDecoder::Decode(MutableBytes encoded) {
  Step step;
  while (step.consumed < encoded.size() && state_ != State::kDone) {
    if (state_ == State::kData) {
      const std::size_t run = std::min<std::uint64_t>(remaining_, encoded.size() - step.consumed);
      if (step.decoded != step.consumed)
        std::memmove(encoded.data() + step.decoded, encoded.data() + step.consumed, run);
      step.decoded += run;
      step.consumed += run;
      remaining_ -= run;
      if (remaining_ == 0) state_ = State::kDataReturn;
      continue;
    }
    state_ = Next(encoded[step.consumed]);
    if (state_ == State::kMalformed) {
      step.malformed = true;
      return step;
    }
    ++step.consumed;
  }
  return step;
}

ChunkedDecoder::State ChunkedDecoder::Next(std::uint8_t byte) {
  const auto line_feed_then = [byte](State next) { return byte == '\n' ? next : State::kMalformed; };
  switch (state_) {
    case State::kSizeStart:
      overhead_ = 0;
      remaining_ = 0;
      if (HexValue(byte) < 0) return State::kMalformed;
      [[fallthrough]];
    case State::kSize:
      if (const int digit = HexValue(byte); digit >= 0) {
        if (remaining_ >> 58 != 0) return State::kMalformed;
        remaining_ = remaining_ << 4 | static_cast<std::uint64_t>(digit);
        return ++overhead_ > kMostLineBytes ? State::kMalformed : State::kSize;
      }
      return AfterSize(byte);
    case State::kExtension:
      if (byte == '\r') return State::kSizeFeed;
      return IsTextByte(byte) && ++overhead_ <= kMostLineBytes ? State::kExtension : State::kMalformed;
    case State::kSizeFeed:
      overhead_ = 0;
      return line_feed_then(remaining_ == 0 ? State::kTrailerStart : State::kData);
    case State::kDataReturn:
      return byte == '\r' ? State::kDataFeed : State::kMalformed;
    case State::kDataFeed:
      return line_feed_then(State::kSizeStart);
    case State::kTrailerStart:
      if (byte == '\r') return State::kEndFeed;
      if (byte == ' ' || byte == '\t') return State::kMalformed;  // a folded trailer
      [[fallthrough]];
    case State::kTrailer:
      if (byte == '\r') return State::kTrailerFeed;
      return IsTextByte(byte) && ++overhead_ <= kMostTrailerBytes ? State::kTrailer : State::kMalformed;
    case State::kTrailerFeed:
      return line_feed_then(State::kTrailerStart);
    case State::kEndFeed:
      return line_feed_then(State::kDone);
    case State::kData:
    case State::kDone:
    case State::kMalformed:
      break;
  }
  return State::kMalformed;
}

// No blanks between the size and the line's end: readers differ over them.
ChunkedDecoder::State ChunkedDecoder::AfterSize(std::uint8_t byte) {
  if (byte == ';') return State::kExtension;
  return byte == '\r' ? State::kSizeFeed : State::kMalformed;
}

}  // namespace entrepot::http
