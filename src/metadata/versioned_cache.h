#pragma once

// The read-mostly cache of a node (design-storage 3.1): bounded in bytes, and correct, because an entry
// counts only while the version stripes of everything it was made from are unchanged. Whoever fills it
// records those versions *before* the read that the value comes from:
//
//     Seen seen(versions, hash);          // 1. record
//     value = store.Read(...);            // 2. read
//     cache.Put(hash, key, seen, value);  // 3. a commit in between makes the entry dead on arrival
//
// Safe from any thread, event loops too: a shard's lock is held for a look-up or a link, never across I/O,
// and never while a value is destroyed.

#include <array>
#include <bit>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "metadata/version_stripes.h"

namespace entrepot::metadata {

/// The hash under which caches find a key and writers Touch it: of its kind and its parts, no part passing
/// for another. The same in one process only.
template <class... Parts>
std::uint64_t CacheKey(std::string_view kind, const Parts&... parts) {
  std::uint64_t hash = std::hash<std::string_view>{}(kind);
  const auto mix = [&](std::string_view part) {
    hash = (std::rotl(hash, 23) ^ std::hash<std::string_view>{}(part)) * 0x9e3779b97f4a7c15ull;
  };
  (mix(std::string_view(parts)), ...);
  return hash;
}

/// The versions of up to three keys, as they were before a read.
class Seen {
 public:
  Seen() = default;
  Seen(const VersionStripes& versions, std::uint64_t key_hash) { Record(versions, key_hash); }
  Seen& Record(const VersionStripes& versions, std::uint64_t key_hash) {
    entries_.at(count_++) = {key_hash, versions.Current(key_hash)};
    return *this;
  }
  /// For a version that was taken by hand.
  static Seen At(std::uint64_t key_hash, std::uint64_t version) {
    Seen seen;
    seen.entries_[seen.count_++] = {key_hash, version};
    return seen;
  }
  bool Unchanged(const VersionStripes& versions) const {
    for (std::size_t i = 0; i < count_; ++i)
      if (versions.Current(entries_[i].first) != entries_[i].second) return false;
    return true;
  }

 private:
  std::array<std::pair<std::uint64_t, std::uint64_t>, 3> entries_{};
  std::size_t count_ = 0;
};

template <class Value>
class VersionedCache {
 public:
  using ValuePtr = std::shared_ptr<const Value>;

  explicit VersionedCache(std::size_t capacity_bytes) : shard_capacity_(capacity_bytes / kShards) {}
  VersionedCache(const VersionedCache&) = delete;

  /// What was put under this very key, unless something it was made from has changed since.
  ValuePtr Get(std::uint64_t key_hash, std::string_view key, const VersionStripes& versions) const {
    Shard& shard = ShardOf(key_hash);
    const Locked lock(shard);
    const auto found = shard.index.find(key_hash);
    if (found == shard.index.end()) return nullptr;
    Slot& slot = shard.slots[found->second];
    if (slot.key != key || !slot.seen.Unchanged(versions)) return nullptr;
    slot.used = true;
    return slot.value;
  }

  /// `cost` is the value's size in bytes; the key and the entry's own weight are added. What does not fit a
  /// shard is not kept. A hash names one entry: another key of the same hash takes its place.
  void Put(std::uint64_t key_hash, std::string_view key, const Seen& seen, ValuePtr value, std::size_t cost) {
    Slot fresh{key_hash, std::string(key), seen, std::move(value), cost + key.size() + kEntryWeight, false};
    if (fresh.cost > shard_capacity_) return;
    std::vector<Slot> dropped;  // destroyed behind the lock
    Shard& shard = ShardOf(key_hash);
    const Locked lock(shard);
    if (const auto found = shard.index.find(key_hash); found != shard.index.end()) {
      Slot& slot = shard.slots[found->second];
      shard.bytes = shard.bytes - slot.cost + fresh.cost;
      dropped.push_back(std::exchange(slot, std::move(fresh)));
    } else {
      shard.bytes += fresh.cost;
      shard.index.emplace(key_hash, shard.slots.size());
      shard.slots.push_back(std::move(fresh));
    }
    while (shard.bytes > shard_capacity_) Evict(shard, dropped);
  }
  void Put(std::uint64_t key_hash, std::string_view key, std::uint64_t version, ValuePtr value,
           std::size_t cost) {
    Put(key_hash, key, Seen::At(key_hash, version), std::move(value), cost);
  }

  std::size_t bytes() const {
    std::size_t sum = 0;
    for (Shard& shard : shards_) {
      const Locked lock(shard);
      sum += shard.bytes;
    }
    return sum;
  }

 private:
  static constexpr std::size_t kShards = 16, kEntryWeight = 160;

  struct Slot {
    std::uint64_t hash = 0;
    std::string key;
    Seen seen;
    ValuePtr value;
    std::size_t cost = 0;
    bool used = false;  // since the hand passed
  };
  struct alignas(64) Shard {
    std::mutex mutex;
    std::unordered_map<std::uint64_t, std::size_t> index;  // hash -> slot
    std::vector<Slot> slots;
    std::size_t hand = 0;
    std::size_t bytes = 0;
  };
  // Waits by trying a little before it sleeps: the lock is held for less time than a sleep costs.
  class Locked {
   public:
    explicit Locked(Shard& shard) : mutex_(shard.mutex) {
      for (int attempt = 0; attempt < 64; ++attempt)
        if (mutex_.try_lock()) return;
      mutex_.lock();
    }
    ~Locked() { mutex_.unlock(); }
    Locked(const Locked&) = delete;

   private:
    std::mutex& mutex_;
  };

  Shard& ShardOf(std::uint64_t key_hash) const { return shards_[(key_hash * 0x9e3779b97f4a7c15ull) >> 60]; }

  // CLOCK: the hand passes over what was used since its last round, and takes the first that was not.
  static void Evict(Shard& shard, std::vector<Slot>& dropped) {
    while (true) {
      shard.hand %= shard.slots.size();
      Slot& slot = shard.slots[shard.hand];
      if (!std::exchange(slot.used, false)) break;
      ++shard.hand;
    }
    Slot& victim = shard.slots[shard.hand];
    shard.bytes -= victim.cost;
    shard.index.erase(victim.hash);
    if (&victim != &shard.slots.back()) {
      std::swap(victim, shard.slots.back());
      shard.index[victim.hash] = shard.hand;
    }
    dropped.push_back(std::move(shard.slots.back()));
    shard.slots.pop_back();
    ++shard.hand;
  }

  const std::size_t shard_capacity_;
  mutable std::array<Shard, kShards> shards_;
};

}  // namespace entrepot::metadata
