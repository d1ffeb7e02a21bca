#include "events/audit_log.h"

#include <atomic>
#include <future>
#include <vector>

#include <gtest/gtest.h>

namespace entrepot::events {
namespace {

AuditRecord Call(std::string resource) {
  return {.door = "oci", .resource = std::move(resource), .status = 201};
}
AuditRecord Refusal(std::string source) {
  return {.door = "oci", .source_ip = std::move(source), .status = 401, .refused = true};
}

/// Lines as they are written; read once the log has ended.
struct Lines {
  std::vector<std::string> written;
  AuditSink sink() {
    return {
        .record = [this](const AuditRecord& r) { written.push_back(r.refused ? r.source_ip : r.resource); },
        .refusals =
            [this](const RefusalSummary& s) {
              written.push_back(s.source_ip + " x" + std::to_string(s.count));
            }};
  }
};
using Written = std::vector<std::string>;

TEST(AuditLog, WritesEveryCallInOrderAndWhatIsQueuedAtItsEnd) {
  Lines lines;
  Written expected;
  {
    AuditLog log(lines.sink());
    for (int i = 0; i < 100; ++i) {
      expected.push_back(std::to_string(i));
      log.Write(Call(expected.back()));
    }
  }
  EXPECT_EQ(lines.written, expected);
}

TEST(AuditLog, WritesTheFirstRefusalOfASourceAndCountsTheOthers) {
  Lines lines;
  {
    AuditLog log(lines.sink(), std::chrono::hours(1));
    for (const char* source : {"10.0.0.1", "10.0.0.1", "10.0.0.2", "10.0.0.1"}) log.Write(Refusal(source));
    log.Write(Call("mine"));
  }
  EXPECT_EQ(lines.written, (Written{"10.0.0.1", "10.0.0.2", "mine", "10.0.0.1 x2"}));
}

TEST(AuditLog, TellsCountedRefusalsWhenTheWindowEndsWithoutAnotherCall) {
  std::promise<RefusalSummary> told;
  AuditLog log({.record = [](const AuditRecord&) {},
                .refusals = [&](const RefusalSummary& summary) { told.set_value(summary); }},
               std::chrono::milliseconds(20));
  log.Write(Refusal("10.0.0.1"));
  log.Write(Refusal("10.0.0.1"));
  auto future = told.get_future();
  ASSERT_EQ(future.wait_for(std::chrono::seconds(10)), std::future_status::ready);
  EXPECT_EQ(future.get().source_ip, "10.0.0.1");
}

TEST(AuditLog, TellsOnlySoManySourcesApart) {
  Lines lines;
  {
    AuditLog log(lines.sink(), std::chrono::hours(1));
    for (std::size_t i = 0; i < AuditLog::kSources + 5; ++i) log.Write(Refusal(std::to_string(i)));
  }
  EXPECT_EQ(lines.written.size(), AuditLog::kSources + 1);
  EXPECT_EQ(lines.written.back(), "others x5");
}

TEST(AuditLog, WaitsForRoomInsteadOfLosingALine) {
  std::promise<void> held;
  std::shared_future<void> go = held.get_future().share();
  std::atomic<std::size_t> written = 0;
  constexpr std::size_t kMany = 2 * AuditLog::kQueue + 10;
  std::size_t extra = 0;
  {
    AuditLog log({.record =
                      [&](const AuditRecord&) {
                        go.wait();
                        ++written;
                      },
                  .refusals = {}});
    std::atomic<std::size_t> taken = 0;
    std::thread caller([&] {
      for (std::size_t i = 0; i < kMany; ++i) log.Write(Call("")), ++taken;
    });
    while (taken < AuditLog::kQueue) std::this_thread::yield();
    // The caller may have one more line under way than it has counted.
    std::size_t tried = 0;
    while (log.TryWrite(Call(""))) ++tried;
    EXPECT_LE(tried, AuditLog::kQueue);
    extra = tried;
    EXPECT_LE(taken, 2 * AuditLog::kQueue) << "one batch is being written, one is queued";
    held.set_value();
    caller.join();
  }
  EXPECT_EQ(written, kMany + extra);
}

}  // namespace
}  // namespace entrepot::events
