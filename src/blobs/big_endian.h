#pragma once

// Integers in stored bytes: big-endian, everywhere in the blob format. A ByteReader walks untrusted bytes:
// what does not fit reads as zero or empty and makes complete() false.

#include <concepts>
#include <cstdint>

#include "base/bytes.h"

namespace entrepot::blobs {

template <std::unsigned_integral T>
void PutBigEndian(std::uint8_t* out, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i)
    out[i] = static_cast<std::uint8_t>(value >> (8 * (sizeof(T) - 1 - i)));
}

template <std::unsigned_integral T>
T GetBigEndian(const std::uint8_t* in) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) value = static_cast<T>(value << 8 | in[i]);
  return value;
}

template <std::unsigned_integral T>
void AppendBigEndian(ByteVector& out, T value) {
  out.resize(out.size() + sizeof(T));
  PutBigEndian(out.data() + out.size() - sizeof(T), value);
}

inline void AppendBytes(ByteVector& out, Bytes bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

/// The length in four bytes, then the bytes.
inline void AppendCounted(ByteVector& out, Bytes bytes) {
  AppendBigEndian(out, static_cast<std::uint32_t>(bytes.size()));
  AppendBytes(out, bytes);
}

class ByteReader {
 public:
  explicit ByteReader(Bytes bytes) : rest_(bytes) {}

  Bytes Take(std::size_t count) {
    if (rest_.size() < count) {
      overrun_ = true;
      rest_ = {};
      return {};
    }
    const Bytes taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }
  template <std::unsigned_integral T>
  T Number() {
    const Bytes bytes = Take(sizeof(T));
    return bytes.empty() ? T{0} : GetBigEndian<T>(bytes.data());
  }
  Bytes Counted() { return Take(Number<std::uint32_t>()); }

  std::size_t left() const { return rest_.size(); }
  /// Everything was there, and nothing is left.
  bool complete() const { return !overrun_ && rest_.empty(); }

 private:
  Bytes rest_;
  bool overrun_ = false;
};

}  // namespace entrepot::blobs
