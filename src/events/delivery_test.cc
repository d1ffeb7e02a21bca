// Delivery: at least once, in order for each repository, tried again, given up; on both databases.

#include "events/delivery.h"

#include <deque>
#include <set>

#include <gmock/gmock.h>

#include "events/outbox.h"
#include "metadata/store_test_support.h"

namespace entrepot::events {
namespace {

using metadata::EventReceiver;
using metadata::RepositoryRef;
using std::chrono::hours;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

/// Takes what it is told to take.
class FakeReceiver : public Receiver {
 public:
  EventReceiver id() const override { return EventReceiver::kWebhook; }
  seconds patience() const override { return seconds(10); }
  void Deliver(std::span<Attempt> attempts) override {
    if (const auto once = std::exchange(before, nullptr)) once();
    for (Attempt& attempt : attempts)
      for (const metadata::EventRow& event : attempt.events) {
        if (refused.contains(event.content)) {
          attempt.error = "refused " + event.content;
          break;
        }
        taken.push_back(event.content);
        ++attempt.delivered;
      }
  }
  std::function<void()> before;  // once
  std::set<std::string> refused;
  std::vector<std::string> taken;
};

class DeliveryTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    metadata::StoreOptions options{.url = "sqlite:" + directory_.File("db"), .clock = &clock_};
    if (std::string_view(GetParam()) == "postgres") {
      if (metadata::sql::TestPostgresUrl().empty()) GTEST_SKIP() << metadata::sql::kNoTestPostgres;
      schema_ = std::make_unique<metadata::sql::TestSchema>();
      options.url = schema_->url();
    }
    store_ = metadata::MustOpen(options);
    delivery_ = std::make_unique<Delivery>(*store_, receiver_, hours(24));
  }
  void Add(std::int64_t repository, const std::string& content) {
    ASSERT_TRUE(store_->Write([&](metadata::WriteTransaction& transaction) {
      return metadata::AddEvent(transaction, {1, repository}, EventReceiver::kWebhook, "id of " + content,
                                content);
    }));
  }
  void Run(Delivery& delivery) {
    while (delivery.RunSlice().value()) {
    }
  }
  void Run() { Run(*delivery_); }
  metadata::OutboxState State() {
    return store_
        ->Read([](metadata::sql::Session& session) {
          return metadata::FindOutboxState(session, EventReceiver::kWebhook);
        })
        .value();
  }
  std::vector<metadata::DeadEvent> Dead() {
    return store_
        ->Read([](metadata::sql::Session& session) { return metadata::ListDeadEvents(session, 0, 0, 100); })
        .value();
  }

  metadata::sql::TestDirectory directory_;
  std::unique_ptr<metadata::sql::TestSchema> schema_;
  ManualClock clock_;
  std::unique_ptr<metadata::Store> store_;
  FakeReceiver receiver_;
  std::unique_ptr<Delivery> delivery_;
};
INSTANTIATE_TEST_SUITE_P(Drivers, DeliveryTest, testing::Values("sqlite", "postgres"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(DeliveryTest, BringsEverythingInOrderAndForgetsIt) {
  std::vector<std::string> expected;
  for (int i = 0; i < 100; ++i) {  // more than a slice takes
    expected.push_back(std::to_string(i));
    Add(1, expected.back());
  }
  Run();
  EXPECT_EQ(receiver_.taken, expected);
  EXPECT_EQ(State().pending, 0);
  Run();
  EXPECT_THAT(receiver_.taken, SizeIs(100));
  EXPECT_EQ(delivery_->counters().delivered, 100u);
}

TEST_P(DeliveryTest, AFailureHoldsUpItsRepositoryAloneAndIsTriedAgainLater) {
  for (const char* content : {"a1", "a2", "a3"}) Add(1, content);
  Add(2, "b1");
  receiver_.refused = {"a2"};
  Run();
  EXPECT_THAT(receiver_.taken, ElementsAre("a1", "b1"));
  EXPECT_EQ(State().error, "refused a2");
  receiver_.refused.clear();
  Run();  // its time has not come
  EXPECT_THAT(receiver_.taken, SizeIs(2));
  clock_.Advance(seconds(1));
  Run();
  EXPECT_THAT(receiver_.taken, ElementsAre("a1", "b1", "a2", "a3"));
  EXPECT_EQ(State().pending, 0);
}

TEST_P(DeliveryTest, WaitsLongerAfterEachFailureAndFiveMinutesAtMost) {
  Add(1, "a");
  receiver_.refused = {"a"};
  std::vector<std::int64_t> waits;
  for (int second = 0, last = 0; second < 1200; ++second) {
    const std::uint64_t before = delivery_->counters().failures;
    Run();
    if (delivery_->counters().failures != before) waits.push_back(second - std::exchange(last, second));
    clock_.Advance(seconds(1));
  }
  EXPECT_THAT(waits, ElementsAre(0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300));
}

TEST_P(DeliveryTest, GivesUpAfterADayAndGoesOn) {
  Add(1, "a1");
  receiver_.refused = {"a1"};
  Run();
  clock_.Advance(hours(23));
  Add(1, "a2");
  Run();
  EXPECT_THAT(Dead(), IsEmpty());
  clock_.Advance(hours(1));
  Run();
  EXPECT_THAT(receiver_.taken, ElementsAre("a2"));
  const auto dead = Dead();
  ASSERT_THAT(dead, SizeIs(1));
  EXPECT_EQ(dead[0].content, "a1");
  EXPECT_EQ(dead[0].error, "refused a1");
  EXPECT_EQ(State().dead, 1);

  receiver_.refused.clear();
  const auto revive = [&] {
    return store_
        ->Write([&](metadata::WriteTransaction& transaction) {
          return metadata::ReviveEvent(transaction, dead[0]);
        })
        .value();
  };
  EXPECT_TRUE(revive());
  EXPECT_FALSE(revive());  // by somebody else, meanwhile
  Run();
  EXPECT_THAT(receiver_.taken, ElementsAre("a2", "a1"));
  EXPECT_THAT(Dead(), IsEmpty());
}

TEST_P(DeliveryTest, SoManyDeadAreKeptAndNoMore) {
  const auto die = [&](const std::string& content) {
    receiver_.refused.insert(content);
    Add(1, content);
    clock_.Advance(hours(25));
    Run();
  };
  const auto so_many_died = [&](std::int64_t count) {
    ASSERT_TRUE(store_->Write([&](metadata::WriteTransaction& transaction) {
      return transaction->Run("UPDATE counters SET next = next + $1 WHERE name = 'dead events'", count);
    }));
  };
  die("first");
  so_many_died(metadata::kDeadEventsKept - 2);
  die("second");
  EXPECT_THAT(Dead(), SizeIs(2));
  die("third");
  ASSERT_THAT(Dead(), SizeIs(2));
  EXPECT_EQ(Dead()[0].content, "second");
}

TEST_P(DeliveryTest, AClaimKeepsOthersAwayUntilItLapsesAndThenChangesNothing) {
  Add(1, "a");
  FakeReceiver late;
  Delivery other(*store_, late, hours(24));
  receiver_.before = [&] {
    Run(other);  // the claim holds
    EXPECT_THAT(late.taken, IsEmpty());
    clock_.Advance(seconds(16));  // patience and margin
    Run(other);
    EXPECT_THAT(late.taken, ElementsAre("a"));
    Add(1, "b");  // a new stream of the same repository, which the old claim must not touch
  };
  Run();
  EXPECT_THAT(receiver_.taken, ElementsAre("a", "b"));
  EXPECT_EQ(delivery_->counters().delivered, 1u);  // a was the other's
}

TEST_P(DeliveryTest, ADeliveryThatAFaultCutOffComesAgain) {
  Add(1, "a");
  struct Crash {};
  receiver_.before = [] { throw Crash(); };  // nothing after the claim happens
  EXPECT_THROW(std::ignore = delivery_->RunSlice(), Crash);
  Run();
  EXPECT_THAT(receiver_.taken, IsEmpty());
  clock_.Advance(seconds(16));
  Run();
  EXPECT_THAT(receiver_.taken, ElementsAre("a"));
}

}  // namespace
}  // namespace entrepot::events
