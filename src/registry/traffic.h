#pragma once

// What goes in and out of each repository, counted since the start: for /metrics. Only so many repositories
// are told apart, the first that have any traffic; the others are counted as one, so that a scrape stays
// bounded.
//
// Safe from any thread, event loops too: a lock is held for a look-up.

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "registry/repository.h"

namespace entrepot::registry {

struct RepositoryTraffic {
  std::atomic<std::uint64_t> pulls = 0;           // manifests sent
  std::atomic<std::uint64_t> pushes = 0;          // manifests taken in
  std::atomic<std::uint64_t> sent_bytes = 0;      // of manifests and layers, as their answers began
  std::atomic<std::uint64_t> received_bytes = 0;  // of manifests and layers that were taken in
};

class Traffic {
 public:
  explicit Traffic(std::size_t repositories) : repositories_(repositories) {}

  void Pulled(const Repository& repository, std::uint64_t manifest_bytes);
  void Pushed(const Repository& repository, std::uint64_t manifest_bytes);
  void Sent(const Repository& repository, std::uint64_t layer_bytes);
  void Received(const Repository& repository, std::uint64_t layer_bytes);

  struct Entry {
    RegistryName registry;
    std::string repository;
    const RepositoryTraffic& traffic;
  };
  std::vector<Entry> entries() const;
  /// Of all that are not told apart.
  const RepositoryTraffic& others() const { return others_; }

 private:
  static constexpr std::size_t kShards = 16;

  // By name, not id: a repository that is made anew under its name goes on with the same figures.
  struct Key {
    RegistryName registry;
    std::string name;
  };
  struct Before {
    using is_transparent = void;
    bool operator()(const Key& a, const Key& b) const {
      return std::tie(a.registry, a.name) < std::tie(b.registry, b.name);
    }
    bool operator()(const Key& a, const Repository& b) const {
      return std::tie(a.registry, a.name) < std::tie(b.registry, b.name.str());
    }
    bool operator()(const Repository& a, const Key& b) const {
      return std::tie(a.registry, a.name.str()) < std::tie(b.registry, b.name);
    }
  };
  struct alignas(64) Shard {
    mutable std::mutex mutex;
    std::map<Key, RepositoryTraffic, Before> repositories;  // what is in it stays in its place
  };

  RepositoryTraffic& Of(const Repository& repository);

  const std::size_t repositories_;
  std::atomic<std::size_t> told_apart_ = 0;
  std::array<Shard, kShards> shards_;
  RepositoryTraffic others_;
};

}  // namespace entrepot::registry
