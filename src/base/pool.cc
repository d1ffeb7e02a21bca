#include "base/pool.h"

#include <pthread.h>

namespace entrepot {

ThreadPool::ThreadPool(std::string name, int threads, std::size_t capacity)
    : name_(std::move(name)), capacity_(capacity), sleepers_(static_cast<std::size_t>(threads)) {
  for (int i = 0; i < threads; ++i) threads_.emplace_back([this, i] { Run(i); });
}

ThreadPool::~ThreadPool() { Stop(); }

ThreadPool::Sleeper* ThreadPool::Queue(Job job) {
  queue_.push_back(std::move(job));
  if (asleep_.empty()) return nullptr;
  Sleeper* sleeper = asleep_.back();
  asleep_.pop_back();
  sleeper->awake = true;
  return sleeper;
}

bool ThreadPool::TryPost(Job job) {
  Sleeper* sleeper;
  {
    std::lock_guard lock(mutex_);
    if (stopping_ || queue_.size() >= capacity_) return false;
    sleeper = Queue(std::move(job));
  }
  if (sleeper) sleeper->wake.notify_one();
  return true;
}

void ThreadPool::Post(Job job) {
  Sleeper* sleeper;
  {
    std::lock_guard lock(mutex_);
    if (stopped_) return;
    sleeper = Queue(std::move(job));
  }
  if (sleeper) sleeper->wake.notify_one();
}

void ThreadPool::Stop() {
  std::vector<std::thread> threads;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    threads.swap(threads_);
    for (Sleeper* sleeper : asleep_) sleeper->awake = true;
    asleep_.clear();
  }
  for (Sleeper& sleeper : sleepers_) sleeper.wake.notify_one();
  for (std::thread& thread : threads) thread.join();
  std::deque<Job> left;  // posted by the last jobs: destroyed outside the lock
  std::lock_guard lock(mutex_);
  stopped_ = true;
  left.swap(queue_);
}

std::size_t ThreadPool::waiting() const {
  std::lock_guard lock(mutex_);
  return queue_.size();
}

void ThreadPool::Run(int index) {
  ::pthread_setname_np(::pthread_self(), (name_.substr(0, 11) + "-" + std::to_string(index)).c_str());
  Sleeper& self = sleepers_[static_cast<std::size_t>(index)];
  for (;;) {
    Job job;
    {
      std::unique_lock lock(mutex_);
      while (queue_.empty()) {
        if (stopping_) return;
        self.awake = false;
        asleep_.push_back(&self);
        self.wake.wait(lock, [&] { return self.awake; });
      }
      job = std::move(queue_.front());
      queue_.pop_front();
    }
    job();
  }
}

struct SerialQueue::State : std::enable_shared_from_this<SerialQueue::State> {
  explicit State(ThreadPool& p) : pool(p) {}

  void Post(Job job) {
    {
      std::lock_guard lock(mutex);
      jobs.push_back(std::move(job));
      if (running) return;
      running = true;
    }
    Schedule();
  }
  // The right to run the next job. A pool that has stopped destroys it unused: then the jobs go too, as they
  // may own what owns this queue.
  struct Turn {
    explicit Turn(std::shared_ptr<State> s) : state(std::move(s)) {}
    Turn(Turn&&) noexcept = default;
    ~Turn() {
      if (state) state->Abandon();
    }
    void operator()() { std::exchange(state, nullptr)->RunOne(); }
    std::shared_ptr<State> state;
  };
  void Schedule() { pool.Post(Turn(shared_from_this())); }
  void Abandon() {
    std::deque<Job> left;  // destroyed outside the lock
    std::lock_guard lock(mutex);
    left.swap(jobs);
    running = false;
  }
  void RunOne() {
    Job job;
    {
      std::lock_guard lock(mutex);
      job = std::move(jobs.front());
      jobs.pop_front();
    }
    job();
    job = nullptr;
    {
      std::lock_guard lock(mutex);
      if (jobs.empty()) {
        running = false;
        return;
      }
    }
    Schedule();  // back of the pool's queue: one stream cannot hold a thread for good
  }

  ThreadPool& pool;
  std::mutex mutex;
  std::deque<Job> jobs;
  bool running = false;
};

SerialQueue::SerialQueue(ThreadPool& pool) : state_(std::make_shared<State>(pool)) {}
void SerialQueue::Post(Job job) { state_->Post(std::move(job)); }

}  // namespace entrepot
