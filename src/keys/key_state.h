#pragma once

// The version of all keys' states (design-storage 2.7). Disabling, deleting or re-keying anything raises it
// before the change is answered; what was cached or is streaming under an older version is not used any more.
//
// Safe from any thread. A KeyState outlives its stamps.

#include <atomic>
#include <cstdint>

namespace entrepot::keys {

class KeyState {
 public:
  std::uint64_t version() const { return version_.load(std::memory_order_acquire); }
  void Raise() { version_.fetch_add(1, std::memory_order_acq_rel); }

 private:
  std::atomic<std::uint64_t> version_{1};
};

/// The version something was obtained under: taken before the rows behind it are read.
class KeyStateStamp {
 public:
  explicit KeyStateStamp(const KeyState& state) : state_(&state), version_(state.version()) {}
  bool current() const { return state_->version() == version_; }

 private:
  const KeyState* state_;
  std::uint64_t version_;
};

}  // namespace entrepot::keys
