#pragma once

// Versions of what caches hold (design-storage 3.1). A key hashes to one of a fixed number of stripes; a
// commit that changes what the key means raises its stripe before the answer leaves. A cache hit counts only
// if the stripe is unchanged since the fill; a fill records the stripe before it opens its read transaction.

#include <array>
#include <atomic>
#include <cstdint>

namespace entrepot::metadata {

class VersionStripes {
 public:
  std::uint64_t Current(std::uint64_t key_hash) const {
    return stripes_[Index(key_hash)].load(std::memory_order_acquire);
  }
  void Raise(std::uint64_t key_hash) { stripes_[Index(key_hash)].fetch_add(1, std::memory_order_acq_rel); }

 private:
  static constexpr std::size_t kStripes = 4096;
  static std::size_t Index(std::uint64_t hash) { return (hash * 0x9e3779b97f4a7c15ull) >> 52; }
  std::array<std::atomic<std::uint64_t>, kStripes> stripes_{};
};

}  // namespace entrepot::metadata
