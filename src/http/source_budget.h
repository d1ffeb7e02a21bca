#pragma once

// How much of the memory for buffered bodies each source may take at a time, so that one cannot take it all
// (design-access 15). A source is the address that asks, behind a trusted proxy the client's.
//
// Safe from any thread.

#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <utility>

#include "base/ip_address.h"

namespace entrepot::http {

class SourceBudget {
 public:
  explicit SourceBudget(std::uint64_t each) : each_(each) {}

  /// False, with nothing taken, when that would be more than the source's share.
  [[nodiscard]] bool TryTake(const IpAddress& source, std::uint64_t bytes);
  void Give(const IpAddress& source, std::uint64_t bytes);
  std::size_t sources() const;

 private:
  struct Hash {
    std::size_t operator()(const IpAddress& address) const;
  };

  const std::uint64_t each_;
  mutable std::mutex mutex_;
  std::unordered_map<IpAddress, std::uint64_t, Hash> taken_;  // only what is above zero
};

/// A part of a source's share that is given back at the end.
class SourceHold {
 public:
  SourceHold(SourceBudget& budget, const IpAddress& source) : budget_(budget), source_(source) {}
  SourceHold(const SourceHold&) = delete;
  ~SourceHold() { Release(); }

  /// Holds `bytes` in all; false, with nothing more taken, when the share is used up.
  [[nodiscard]] bool Grow(std::uint64_t bytes) {
    if (!budget_.TryTake(source_, bytes - bytes_)) return false;
    bytes_ = bytes;
    return true;
  }
  void Release() {
    if (bytes_ > 0) budget_.Give(source_, std::exchange(bytes_, 0));
  }

 private:
  SourceBudget& budget_;
  const IpAddress source_;
  std::uint64_t bytes_ = 0;
};

}  // namespace entrepot::http
