#pragma once

// Runs of bytes, and the views that cross module boundaries.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace entrepot {

using Bytes = std::span<const std::uint8_t>;
using MutableBytes = std::span<std::uint8_t>;
using ByteVector = std::vector<std::uint8_t>;

inline Bytes AsBytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view AsText(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
inline ByteVector ToVector(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

}  // namespace entrepot
