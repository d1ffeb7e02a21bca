#include "registry/pulls.h"

#include <atomic>
#include <thread>

#include <gmock/gmock.h>

#include "base/json.h"
#include "metadata/sql/statement_trace.h"
#include "registry/refs.h"
#include "registry/test_registry.h"

namespace entrepot::registry {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr const char* kUser = "arn:aws:iam::123456789012:user/admin";

class PullsTest : public RegistryTest {
 protected:
  PullsTest() { Begin({}); }
  void Begin(TestRegistry::Options options, Pulls::Options pull_options = {}) {
    pulls.reset();
    exclusions.reset();
    Restart(std::move(options));
    exclusions = std::make_unique<PullTimeExclusions>(*registry->store, Quotas{});
    pulls = std::make_unique<Pulls>(*registry->store, *exclusions, registry->outbox, pull_options);
    repository = registry->repositories->Find(TestRegistryName(), RepositoryName::Trusted("team/app"))
                     .value_or(nullptr);
    if (!repository) repository = registry->Create("team/app");
    image = Must(registry->PushImage(*repository, "config", {}, "v1")).digest;
  }
  std::optional<Timestamp> LastPulled() {
    return Must(registry->images->Describe(*repository, {image, std::nullopt})).last_pulled_at;
  }
  void Pull(std::string_view principal = kUser) { pulls->Note(*repository, image, "v1", principal); }

  std::unique_ptr<PullTimeExclusions> exclusions;
  std::unique_ptr<Pulls> pulls;
  RepositoryPtr repository;
  Digest image = TestRegistry::DigestOf("");
};

TEST_F(PullsTest, ATimeIsWrittenAtTheNextFlushAndOnceAnHour) {
  EXPECT_EQ(LastPulled(), std::nullopt);
  const Timestamp first = clock.Now();
  Pull();
  EXPECT_EQ(LastPulled(), std::nullopt);  // a pull writes nothing
  Must(pulls->FlushTimes());
  EXPECT_EQ(LastPulled(), first);
  clock.Advance(minutes(20));
  Pull();
  const Timestamp last = clock.Now();
  Must(pulls->FlushTimes());
  EXPECT_EQ(LastPulled(), first);  // the hour is not over
  clock.Advance(minutes(50));
  Must(pulls->FlushTimes());
  EXPECT_EQ(LastPulled(), last);  // nor is the pull forgotten
}

TEST_F(PullsTest, AnOrderlyStopWritesWhatIsKnown) {
  Pull();
  Must(pulls->FlushTimes());
  clock.Advance(minutes(1));
  Pull();
  const Timestamp last = clock.Now();
  Must(pulls->FlushAll());
  EXPECT_EQ(LastPulled(), last);
}

TEST_F(PullsTest, ARestartDoesNotMakeAnHourShorter) {
  const Timestamp first = clock.Now();
  Pull();
  Must(pulls->FlushTimes());
  Begin({});
  clock.Advance(minutes(20));
  Pull();
  Must(pulls->FlushTimes());
  EXPECT_EQ(LastPulled(), first);
}

TEST_F(PullsTest, WithoutPullsAFlushWritesNothing) {
  metadata::sql::StatementTrace trace;
  Begin({});
  const auto writes = [&] {
    return std::ranges::count_if(trace.statements(), [](const std::string& statement) {
      return statement.starts_with("UPDATE manifests SET last_pulled_at");
    });
  };
  Pull();
  Must(pulls->FlushTimes());
  EXPECT_EQ(writes(), 1);
  trace.Clear();
  for (int i = 0; i < 180; ++i) {
    clock.Advance(minutes(1));
    Must(pulls->FlushTimes());
  }
  EXPECT_EQ(writes(), 0);
}

TEST_F(PullsTest, ExcludedPrincipalsDoNotCountFromTheNextPullOn) {
  const std::string role = "arn:aws:iam::123456789012:role/scanner";
  const char* session = "arn:aws:sts::123456789012:assumed-role/scanner/session-1";
  EXPECT_EQ(exclusions->TryExcludes(*repository, session), std::nullopt);  // not yet in memory
  Must(exclusions->Register(TestRegistryName(), role));
  Pull(session);
  Pull(role);
  EXPECT_EQ(exclusions->TryExcludes(*repository, session), true);
  Must(pulls->FlushTimes());
  EXPECT_EQ(LastPulled(), std::nullopt);
  Must(exclusions->Deregister(TestRegistryName(), role));
  EXPECT_FALSE(pulls->TryNote(*repository, image, "v1", session));  // memory does not know the new list
  Pull(session);
  EXPECT_TRUE(pulls->TryNote(*repository, image, "v1", session));
  Must(pulls->FlushTimes());
  EXPECT_EQ(LastPulled(), clock.Now());
}

TEST_F(PullsTest, AnImageThatIsGoneIsNoFault) {
  Pull();
  Must(registry->images->Delete(*repository, {image, std::nullopt}, true));
  EXPECT_TRUE(pulls->FlushAll());
}

TEST_F(PullsTest, FlushesMissNothingThatIsPulledMeanwhile) {
  std::atomic<bool> stop = false;
  std::thread flusher([&] {
    while (!stop) Must(pulls->FlushTimes());
  });
  for (int i = 0; i < 2000; ++i) {
    clock.Advance(seconds(10));
    Pull();
  }
  stop = true;
  flusher.join();
  Must(pulls->FlushAll());
  EXPECT_EQ(LastPulled(), clock.Now());
  EXPECT_EQ(pulls->counters().times_dropped, 0u);
}

TEST_F(PullsTest, MemoryIsBounded) {
  Begin({.receivers = {metadata::EventReceiver::kFile}}, {.events = true, .images = 16, .queue = 2});
  for (int i = 0; i < 1000; ++i)
    pulls->Note(*repository, TestRegistry::DigestOf(std::to_string(i)), "v1", kUser);
  EXPECT_GE(pulls->counters().times_dropped, 1000u - 16u);
  EXPECT_EQ(pulls->counters().events_dropped, 998u);
}

TEST_F(PullsTest, PullsAreToldWhereThatIsWanted) {
  Begin({.receivers = {metadata::EventReceiver::kFile}});
  EXPECT_FALSE(pulls->announces());
  Begin({.receivers = {metadata::EventReceiver::kFile}}, {.events = true});
  const Timestamp time = clock.Now();
  Pull();
  pulls->Note(*repository, image, image.ToString(), kUser);
  clock.Advance(seconds(2));
  Must(pulls->FlushEvents());
  std::vector<std::pair<std::string, std::string>> told;
  Must(registry->store->Write([&](metadata::WriteTransaction& transaction) -> Result<> {
    for (const auto& claim : TRY(metadata::ClaimEvents(transaction, metadata::EventReceiver::kFile,
                                                       transaction.store_time(), 10, 10)))
      for (const metadata::EventRow& row : claim.events) {
        const auto event = TRY(ParseJson(row.content));
        const auto& detail = event.at("detail");
        if (StringMember(detail, "action-type") != "PULL") continue;
        EXPECT_EQ(StringMember(event, "time"), ToIso8601(time));
        told.emplace_back(StringMember(detail, "image-tag"), StringMember(detail, "image-digest"));
      }
    return {};
  }));
  EXPECT_THAT(told, testing::ElementsAre(std::pair("v1", image.ToString()), std::pair("", image.ToString())));
}

}  // namespace
}  // namespace entrepot::registry
