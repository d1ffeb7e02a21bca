#include "jobs/background.h"

#include <atomic>

#include <gtest/gtest.h>

namespace entrepot::jobs {
namespace {

TEST(BackgroundTask, GoesOnWhileThereIsMoreAndStopsAtOnce) {
  std::atomic<int> steps = 0;
  {
    // The interval is never waited out: three steps follow each other, and the end does not wait for the
    // fourth.
    BackgroundTask task("test", std::chrono::hours(1), [&] { return ++steps < 3; });
    while (steps < 3) std::this_thread::yield();
  }
  EXPECT_EQ(steps, 3);
}

}  // namespace
}  // namespace entrepot::jobs
