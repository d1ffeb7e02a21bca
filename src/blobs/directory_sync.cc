#include "blobs/directory_sync.h"

namespace entrepot::blobs {

SystemResult<> DirectorySyncs::Sync(const std::string& path) {
  std::unique_lock lock(mutex_);
  std::shared_ptr<Round>& entry = rounds_[path];
  if (!entry) entry = std::make_shared<Round>();
  const std::shared_ptr<Round> round = entry;

  const std::uint64_t wanted = round->begun + 1;  // the first sync that begins from now on
  ++round->waiting;
  while (round->ended < wanted) {
    if (round->begun > round->ended) {
      round->changed.wait(lock);
      continue;
    }
    const std::uint64_t mine = ++round->begun;
    lock.unlock();
    const SystemResult<> outcome = files_.SyncDirectory(path);
    lock.lock();
    round->ended = mine;
    if (!outcome) round->failures.emplace(mine, outcome.error());
    round->changed.notify_all();
  }

  const auto failure = round->failures.find(wanted);
  const SystemResult<> answer =
      failure == round->failures.end() ? SystemResult<>{} : std::unexpected(failure->second);
  if (--round->waiting == 0) rounds_.erase(path);
  return answer;
}

int DirectorySyncs::waiting(const std::string& path) {
  const std::lock_guard lock(mutex_);
  const auto round = rounds_.find(path);
  return round == rounds_.end() ? 0 : round->second->waiting;
}

}  // namespace entrepot::blobs
