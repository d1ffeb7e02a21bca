#pragma once

// Bounded pools of threads for work that blocks (design-storage 3.4), and serial queues on top of them.
//
// A job never waits for another job of its own pool.

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace entrepot {

using Job = std::move_only_function<void()>;

class ThreadPool {
 public:
  /// `name` is what thread lists show (at most 11 characters). At `capacity` waiting jobs TryPost refuses.
  ThreadPool(std::string name, int threads, std::size_t capacity);
  ThreadPool(const ThreadPool&) = delete;
  ~ThreadPool();  // Stop()

  /// False when the queue is full or the pool has stopped: the caller answers 503 with Retry-After.
  [[nodiscard]] bool TryPost(Job job);
  /// For the next step of work that was let in already: never refused while the pool runs, so that a full
  /// queue cannot strand it. After Stop the job is destroyed unrun.
  void Post(Job job);
  /// Runs what is queued and what running jobs Post, then joins. Idempotent.
  void Stop();

  std::size_t waiting() const;
  int threads() const { return static_cast<int>(threads_.size()); }

 private:
  struct Sleeper {
    std::condition_variable wake;
    bool awake = true;
  };

  void Run(int index);
  /// Queues the job and tells whom to wake, if anybody sleeps. Holding mutex_.
  Sleeper* Queue(Job job);

  const std::string name_;
  const std::size_t capacity_;
  mutable std::mutex mutex_;
  std::deque<Job> queue_;
  std::deque<Sleeper> sleepers_;  // one a thread
  // Who slept last wakes first: its stack, its heap and its connection to the database are still in the
  // processor's caches, and threads that are too many touch nothing.
  std::vector<Sleeper*> asleep_;
  bool stopping_ = false;
  bool stopped_ = false;
  std::vector<std::thread> threads_;
};

/// Runs its jobs one after another, in order, on whichever thread of the pool is free. Jobs posted keep the
/// queue's state alive; the SerialQueue itself may go while they run. Once the pool has stopped, jobs are
/// destroyed unrun.
class SerialQueue {
 public:
  explicit SerialQueue(ThreadPool& pool);
  void Post(Job job);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace entrepot
