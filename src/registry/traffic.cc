#include "registry/traffic.h"

namespace entrepot::registry {
namespace {

void Add(std::atomic<std::uint64_t>& counter, std::uint64_t amount) {
  counter.fetch_add(amount, std::memory_order_relaxed);
}

}  // namespace

void Traffic::Pulled(const Repository& repository, std::uint64_t manifest_bytes) {
  RepositoryTraffic& traffic = Of(repository);
  Add(traffic.pulls, 1);
  Add(traffic.sent_bytes, manifest_bytes);
}

void Traffic::Pushed(const Repository& repository, std::uint64_t manifest_bytes) {
  RepositoryTraffic& traffic = Of(repository);
  Add(traffic.pushes, 1);
  Add(traffic.received_bytes, manifest_bytes);
}

void Traffic::Sent(const Repository& repository, std::uint64_t layer_bytes) {
  Add(Of(repository).sent_bytes, layer_bytes);
}

void Traffic::Received(const Repository& repository, std::uint64_t layer_bytes) {
  Add(Of(repository).received_bytes, layer_bytes);
}

RepositoryTraffic& Traffic::Of(const Repository& repository) {
  Shard& shard = shards_[std::hash<RepositoryName>{}(repository.name) % kShards];
  const std::lock_guard lock(shard.mutex);
  if (const auto found = shard.repositories.find(repository); found != shard.repositories.end())
    return found->second;
  if (told_apart_.load(std::memory_order_relaxed) >= repositories_) return others_;
  if (told_apart_.fetch_add(1) >= repositories_) return others_;
  return shard.repositories[{repository.registry, repository.name.str()}];
}

std::vector<Traffic::Entry> Traffic::entries() const {
  std::vector<Entry> entries;
  for (const Shard& shard : shards_) {
    const std::lock_guard lock(shard.mutex);
    for (const auto& [key, traffic] : shard.repositories)
      entries.push_back({key.registry, key.name, traffic});
  }
  return entries;
}

}  // namespace entrepot::registry
