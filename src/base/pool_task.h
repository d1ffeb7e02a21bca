#pragma once

// Work that a pool does behind its owner's back, and that the owner can wait for from a job of the same pool:
// what has not begun by then is taken back instead of waited for, so no job waits for another that is queued.
//
// Start, done and Take are called by one thread at a time.

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "base/pool.h"

namespace entrepot {

template <class T>
class PoolTask {
 public:
  /// Nothing when the pool refuses.
  static std::optional<PoolTask> Start(ThreadPool& pool, std::move_only_function<T()> work) {
    PoolTask task;
    if (!pool.TryPost([state = task.state_, work = std::move(work)]() mutable { state->Run(work); }))
      return std::nullopt;
    return task;
  }

  bool done() const {
    std::lock_guard lock(state_->mutex);
    return state_->stage == Stage::kDone;
  }

  /// Its result, waited for; nothing when it had not begun, and then it never will. Once.
  std::optional<T> Take() {
    std::unique_lock lock(state_->mutex);
    if (state_->stage == Stage::kQueued) state_->stage = Stage::kTakenBack;
    state_->ended.wait(lock, [&] { return state_->stage != Stage::kRunning; });
    return std::exchange(state_->result, std::nullopt);
  }

 private:
  enum class Stage { kQueued, kRunning, kDone, kTakenBack };
  struct State {
    void Run(std::move_only_function<T()>& work) {
      {
        std::lock_guard lock(mutex);
        if (stage == Stage::kTakenBack) return;
        stage = Stage::kRunning;
      }
      T made = work();
      std::lock_guard lock(mutex);
      result.emplace(std::move(made));
      stage = Stage::kDone;
      ended.notify_one();
    }
    std::mutex mutex;
    std::condition_variable ended;
    Stage stage = Stage::kQueued;
    std::optional<T> result;
  };

  PoolTask() : state_(std::make_shared<State>()) {}
  std::shared_ptr<State> state_;
};

}  // namespace entrepot
