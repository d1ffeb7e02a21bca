#pragma once

// Shares directory syncs between concurrent writers: who asks while a sync runs waits for the next one, which
// covers everybody who came meanwhile. A sync that began before the question never counts as its answer.
//
// Safe from any thread; blocks the caller.

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "blobs/file_layer.h"

namespace entrepot::blobs {

class DirectorySyncs {
 public:
  explicit DirectorySyncs(Files& files) : files_(files) {}
  SystemResult<> Sync(const std::string& path);
  /// How many callers are in Sync for that directory now.
  int waiting(const std::string& path);

 private:
  /// One per directory that is being synced now.
  struct Round {
    std::uint64_t begun = 0, ended = 0;  // numbers of syncs
    int waiting = 0;
    std::unordered_map<std::uint64_t, SystemError> failures;  // of ended syncs somebody still waits for
    std::condition_variable changed;
  };

  Files& files_;
  std::mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<Round>> rounds_;
};

}  // namespace entrepot::blobs
