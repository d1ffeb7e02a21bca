#include "jobs/background.h"

#include <pthread.h>
#include <sched.h>

namespace entrepot::jobs {

BackgroundTask::BackgroundTask(std::string name, std::chrono::milliseconds interval,
                               std::function<bool()> step)
    : name_(std::move(name)), interval_(interval), step_(std::move(step)), thread_([this] { Run(); }) {}

BackgroundTask::~BackgroundTask() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

void BackgroundTask::Run() {
  ::pthread_setname_np(::pthread_self(), name_.substr(0, 15).c_str());
  const sched_param none{};
  ::pthread_setschedparam(::pthread_self(), SCHED_IDLE,
                          &none);  // where it is refused, ordinary priority serves
  for (;;) {
    const bool more = step_();
    std::unique_lock lock(mutex_);
    if (!more) wake_.wait_for(lock, interval_, [this] { return stopping_; });
    if (stopping_) return;
  }
}

}  // namespace entrepot::jobs
