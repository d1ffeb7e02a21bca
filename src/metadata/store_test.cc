#include "metadata/store.h"

#include <algorithm>
#include <filesystem>
#include <latch>
#include <map>
#include <ranges>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "metadata/sql/faulty_vfs.h"
#include "metadata/sql/sqlite.h"
#include "metadata/store_test_support.h"

namespace entrepot::metadata {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

/// Both kinds of store, each test with an empty one.
class StoreTest : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (std::string_view(GetParam()) == "sqlite") {
      options_.url = "sqlite:" + directory_.File("store.db");
    } else {
      if (sql::TestPostgresUrl().empty()) GTEST_SKIP() << sql::kNoTestPostgres;
      schema_ = std::make_unique<sql::TestSchema>();
      options_.url = schema_->url();
    }
    options_.clock = &clock_;
    store_ = MustOpen(options_);
  }
  void TearDown() override { store_.reset(); }
  void Reopen() {
    store_.reset();
    store_ = MustOpen(options_);
  }

  sql::TestDirectory directory_;
  std::unique_ptr<sql::TestSchema> schema_;
  ManualClock clock_;
  StoreOptions options_;
  std::unique_ptr<Store> store_;
};
INSTANTIATE_TEST_SUITE_P(Drivers, StoreTest, testing::Values("sqlite", "postgres"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(StoreTest, AWriteReturnsWhatItsClosureReturnsAndIsRead) {
  const auto answer = store_->Write([](WriteTransaction& transaction) -> Result<std::string> {
    TRY(Insert(transaction.session(), "a", 7));
    return "done";
  });
  EXPECT_EQ(answer, "done");
  const auto read = store_->Read([](sql::Session& session) -> Result<std::int64_t> {
    sql::Cursor row = TRY(session.Query("SELECT next FROM counters WHERE name = $1", "a"));
    TRY(row.Next());
    return row.Int(0);
  });
  EXPECT_EQ(read, 7);
  Reopen();
  EXPECT_TRUE(Has(*store_, "a"));
}

TEST_P(StoreTest, AnErrorRollsBackItsOwnClosureAndNothingElseOfTheGroup) {
  std::vector<std::thread> writers;
  {
    HeldWriter held(*store_);
    for (int i = 0; i < 6; ++i) {
      writers.emplace_back([this, i] {
        const Result<> outcome = store_->Write([&](WriteTransaction& transaction) -> Result<> {
          TRY(Insert(transaction.session(), "row" + std::to_string(i)));
          if (i % 2 == 1) return Fail(ErrorCode::kRepositoryNotFound);
          return {};
        });
        EXPECT_EQ(outcome.has_value(), i % 2 == 0);
        if (!outcome) EXPECT_EQ(outcome.error().code(), ErrorCode::kRepositoryNotFound);
      });
    }
    held.ReleaseAt(6);
  }
  for (std::thread& writer : writers) writer.join();
  for (int i = 0; i < 6; ++i) EXPECT_EQ(Has(*store_, "row" + std::to_string(i)), i % 2 == 0) << i;
}

TEST_P(StoreTest, AFailedStatementThatAClosureOverlooksDoesNotSpoilTheGroup) {
  const Result<> outcome = store_->Write([](WriteTransaction& transaction) -> Result<> {
    TRY(Insert(transaction.session(), "before"));
    (void)transaction->Run("INSERT INTO counters (name, next) VALUES ($1, 1)", "before");  // a duplicate key
    return {};
  });
  EXPECT_EQ(Has(*store_, "before"), outcome.has_value());  // PostgreSQL refuses what follows, SQLite goes on
  EXPECT_TRUE(WriteRow(*store_, "after"));
  EXPECT_TRUE(Has(*store_, "after"));
}

TEST_P(StoreTest, AClosureSeesWhatEarlierOnesOfItsGroupWrote) {
  std::atomic<int> inserted = 0;
  std::vector<std::thread> writers;
  {
    HeldWriter held(*store_);
    for (int i = 0; i < 8; ++i)
      writers.emplace_back([&] { inserted += WriteRow(*store_, "same").has_value() ? 1 : 0; });
    held.ReleaseAt(8);
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(inserted, 1);
}

TEST_P(StoreTest, RequestsGoBeforeBackgroundWork) {
  std::mutex mutex;
  std::vector<std::string> order;
  const auto write = [&](std::string name, WritePriority priority) {
    return std::thread([&, name, priority] {
      (void)store_->Write(
          [&](WriteTransaction&) -> Result<> {
            const std::lock_guard lock(mutex);
            order.push_back(name);
            return {};
          },
          priority);
    });
  };
  std::vector<std::thread> writers;
  {
    HeldWriter held(*store_, WritePriority::kBackground);
    writers.push_back(write("background", WritePriority::kBackground));
    writers.push_back(write("background", WritePriority::kBackground));
    writers.push_back(write("request", WritePriority::kRequest));
    held.ReleaseAt(3);
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_THAT(order, ElementsAre("request", "background", "background"));
}

TEST_P(StoreTest, ACommitRaisesTheVersionsOfWhatItTouchedBeforeItAnswers) {
  const std::uint64_t touched = store_->versions().Current(11), other = store_->versions().Current(12);
  ASSERT_TRUE(store_->Write([](WriteTransaction& transaction) -> Result<> {
    transaction.Touch(11);
    return Insert(transaction.session(), "a");
  }));
  EXPECT_GT(store_->versions().Current(11), touched);
  EXPECT_EQ(store_->versions().Current(12), other);
  EXPECT_FALSE(store_->Write([](WriteTransaction& transaction) -> Result<> {
    transaction.Touch(12);
    return Insert(transaction.session(), "a");
  }));
  EXPECT_EQ(store_->versions().Current(12), other);
}

TEST_P(StoreTest, ManyThreadsWriteAndReadAtOnce) {
  constexpr int kThreads = 8, kEach = 25;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < kEach; ++i) {
        const std::string name = std::to_string(thread) + "." + std::to_string(i);
        EXPECT_TRUE(WriteRow(*store_, name));
        EXPECT_TRUE(Has(*store_, name));  // an acknowledged write is seen by the next read
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const auto count = store_->Read([](sql::Session& session) -> Result<std::int64_t> {
    sql::Cursor row = TRY(session.Query("SELECT COUNT(*) FROM counters"));
    TRY(row.Next());
    return row.Int(0);
  });
  EXPECT_EQ(count, kThreads * kEach);
}

TEST_P(StoreTest, AReadHasOneSnapshot) {
  const auto counts =
      store_->Read([&](sql::Session& session) -> Result<std::pair<std::int64_t, std::int64_t>> {
        const auto count = [&] -> Result<std::int64_t> {
          sql::Cursor row = TRY(session.Query("SELECT COUNT(*) FROM counters"));
          TRY(row.Next());
          return row.Int(0);
        };
        const std::int64_t before = TRY(count());
        std::thread([&] { EXPECT_TRUE(WriteRow(*store_, "between")); }).join();
        return std::pair(before, TRY(count()));
      });
  EXPECT_EQ(counts, std::pair(std::int64_t{0}, std::int64_t{0}));
  EXPECT_TRUE(Has(*store_, "between"));
}

TEST_P(StoreTest, AReadThatFindsNoReaderInTimeIsUnavailable) {
  options_.readers = 1;
  options_.read_limit = 50ms;
  Reopen();
  const Result<> outer = store_->Read([&](sql::Session&) -> Result<> {
    const Result<> inner = store_->Read([](sql::Session&) -> Result<> { return {}; });
    EXPECT_FALSE(inner);
    EXPECT_EQ(inner.error().code(), ErrorCode::kUnavailable);
    return {};
  });
  EXPECT_TRUE(outer);
  EXPECT_TRUE(store_->Read([](sql::Session&) -> Result<> { return {}; }));
}

TEST_P(StoreTest, AReadPastItsLimitIsUnavailable) {
  options_.read_limit = 50ms;
  Reopen();
  const auto outcome = store_->Read([](sql::Session& session) -> Result<> {
    TRY(session.Query(
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 2000000000) "
        "SELECT COUNT(*) FROM numbers"));
    return {};
  });
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), ErrorCode::kUnavailable);
  EXPECT_FALSE(Has(*store_, "a"));
}

TEST_P(StoreTest, EveryOpeningHasItsOwnEpochAndTheStoreItsId) {
  const std::string id = store_->store_id();
  EXPECT_EQ(id.size(), 36u);
  EXPECT_EQ(store_->boot_epoch(), 1u);
  Reopen();
  EXPECT_EQ(store_->boot_epoch(), 2u);
  EXPECT_EQ(store_->store_id(), id);
}

TEST_P(StoreTest, StoreTimeStandsStillWhileTheStoreIsClosed) {
  const Timestamp start = store_->StoreTime();
  clock_.Advance(1h);
  EXPECT_EQ(store_->StoreTime(), start + 1h);
  EXPECT_EQ(store_->Write(
                [](WriteTransaction& transaction) -> Result<Timestamp> { return transaction.store_time(); }),
            start + 1h);
  store_.reset();
  clock_.Advance(48h);
  store_ = MustOpen(options_);
  EXPECT_EQ(store_->StoreTime(), start + 1h);
  clock_.StepWall(-72h);
  EXPECT_EQ(store_->StoreTime(), start + 1h);
}

TEST_P(StoreTest, AStepOfTheWallClockMakesTimeSuspectForADayOrUntilConfirmed) {
  EXPECT_FALSE(store_->time_suspect());
  clock_.StepWall(4min);
  EXPECT_FALSE(store_->time_suspect());
  clock_.StepWall(2min);
  EXPECT_TRUE(store_->time_suspect());
  clock_.Advance(12h);
  Reopen();  // the pause outlives a restart
  EXPECT_TRUE(store_->time_suspect());
  clock_.Advance(11h);
  EXPECT_TRUE(store_->time_suspect());
  clock_.Advance(2h);
  EXPECT_FALSE(store_->time_suspect());
  clock_.StepWall(-1h);
  EXPECT_TRUE(store_->time_suspect());
  store_->ConfirmTime();
  EXPECT_FALSE(store_->time_suspect());
  Reopen();
  EXPECT_FALSE(store_->time_suspect());
}

TEST(OpenStore, RefusesAUrlItDoesNotKnow) {
  const ManualClock clock;
  const auto opened = OpenStore({.url = "mysql://somewhere", .clock = &clock});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), ErrorCode::kConfiguration);
}

class SqliteStore : public testing::Test {
 protected:
  StoreOptions Options() {
    return {.url = "sqlite:" + path_,
            .clock = &clock_,
            .on_broken = [this] { ++broken_; },
            .sqlite_vfs = vfs_.name()};
  }
  std::uintmax_t LogSize() const { return std::filesystem::file_size(path_ + "-wal"); }

  sql::FaultyVfs vfs_{"faulty"};
  sql::TestDirectory directory_;
  const std::string path_ = directory_.File("store.db");
  ManualClock clock_;
  std::atomic<int> broken_ = 0;
};

TEST_F(SqliteStore, ASecondStoreOnTheFileIsRefused) {
  const auto store = MustOpen(Options());
  const auto second = OpenStore(Options());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), ErrorCode::kConfiguration);
  EXPECT_TRUE(WriteRow(*store, "a"));
}

TEST_F(SqliteStore, WhatIsQueuedIsCommittedAsOne) {
  const auto store = MustOpen(Options());
  ASSERT_TRUE(WriteRow(*store, "first"));
  std::vector<std::thread> writers;
  {
    HeldWriter held(*store);
    for (int i = 0; i < 32; ++i) {
      writers.emplace_back([&, i] { EXPECT_TRUE(WriteRow(*store, "row" + std::to_string(i))); });
    }
    vfs_.FailAt(sql::FaultyVfs::Event::kSync, 8, sql::FaultyVfs::Fault::kIoError);  // 32 commits meet it
    held.ReleaseAt(32);
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_FALSE(store->broken());
}

// The stripes that a closure sees are raised once its group is committed: members of one group see the same.
std::map<std::uint64_t, int> MembersOfGroups(Store& store, int writes, std::chrono::milliseconds each,
                                             WritePriority priority) {
  std::map<std::uint64_t, int> members;
  std::vector<std::thread> writers;
  {
    HeldWriter held(store);
    for (int i = 0; i < writes; ++i) {
      writers.emplace_back([&] {
        EXPECT_TRUE(store.Write(
            [&](WriteTransaction& transaction) -> Result<> {
              ++members[store.versions().Current(7)];
              transaction.Touch(7);
              const auto end = std::chrono::steady_clock::now() + each;
              while (std::chrono::steady_clock::now() < end) {
              }
              return {};
            },
            priority));
      });
    }
    held.ReleaseAt(static_cast<std::size_t>(writes));
  }
  for (std::thread& writer : writers) writer.join();
  return members;
}

int Largest(const std::map<std::uint64_t, int>& groups) {
  return std::ranges::max(groups | std::views::values);
}

// design-storage 1.5: what a slow machine makes of them is smaller groups.
TEST_F(SqliteStore, AGroupHasAtMost256Members) {
  const auto store = MustOpen(Options());
  EXPECT_LE(Largest(MembersOfGroups(*store, 600, 0ms, WritePriority::kRequest)), 256);
}

TEST_F(SqliteStore, AGroupTakesNoMemberAfterFiveMilliseconds) {
  const auto store = MustOpen(Options());
  EXPECT_LE(Largest(MembersOfGroups(*store, 6, 3ms, WritePriority::kRequest)), 2);
}

TEST_F(SqliteStore, ASliceOfBackgroundWorkTakesNoMemberAfterTwoMilliseconds) {
  const auto store = MustOpen(Options());
  EXPECT_LE(Largest(MembersOfGroups(*store, 8, 1ms, WritePriority::kBackground)), 2);
}

TEST_F(SqliteStore, AFailedSyncBreaksTheStoreOnce) {
  auto store = MustOpen(Options());
  ASSERT_TRUE(WriteRow(*store, "kept"));
  const std::uint64_t version = store->versions().Current(5);
  vfs_.FailAt(sql::FaultyVfs::Event::kSync, 1, sql::FaultyVfs::Fault::kIoError);
  std::vector<std::thread> writers;
  {
    HeldWriter held(*store);
    for (int i = 0; i < 4; ++i) {
      writers.emplace_back([&, i] {
        const Result<> outcome = store->Write([&](WriteTransaction& transaction) -> Result<> {
          transaction.Touch(5);
          return Insert(transaction.session(), "lost" + std::to_string(i));
        });
        ASSERT_FALSE(outcome);
        EXPECT_THAT(outcome.error().code(),
                    testing::AnyOf(ErrorCode::kStorageFault, ErrorCode::kUnavailable));
      });
    }
    held.ReleaseAt(4);
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_TRUE(store->broken());
  EXPECT_EQ(broken_, 1);
  EXPECT_GT(store->versions().Current(5), version);  // a cache that still holds the old answer must ask
  for (int i = 0; i < 3; ++i) {
    const Result<> later = WriteRow(*store, "later");
    ASSERT_FALSE(later);
    EXPECT_EQ(later.error().code(), ErrorCode::kUnavailable);
  }
  EXPECT_EQ(broken_, 1);

  store.reset();
  vfs_.Restart(sql::FaultyVfs::Survival::kNothing);
  store = MustOpen(Options());
  EXPECT_TRUE(Has(*store, "kept"));
  for (int i = 0; i < 4; ++i) EXPECT_FALSE(Has(*store, "lost" + std::to_string(i)));
  EXPECT_TRUE(WriteRow(*store, "later"));
}

// What a commit wrote before it failed may be found by the next start: nothing is known of it.
TEST_F(SqliteStore, ACommitThatCouldNotWriteBreaksTheStore) {
  const auto store = MustOpen(Options());
  ASSERT_TRUE(WriteRow(*store, "kept"));
  vfs_.FailAt(sql::FaultyVfs::Event::kWrite, 1, sql::FaultyVfs::Fault::kIoError);
  const Result<> outcome = WriteRow(*store, "lost");
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), ErrorCode::kStorageFault);
  EXPECT_TRUE(store->broken());
  EXPECT_FALSE(WriteRow(*store, "later"));
  EXPECT_EQ(broken_, 1);
}

// Another sync of the file would report a success that is none.
TEST_F(SqliteStore, ASyncThatFailsWhileTheLogIsMovedBreaksTheStore) {
  const auto store = MustOpen(Options());
  vfs_.FailAt(sql::FaultyVfs::Event::kSync, 2, sql::FaultyVfs::Fault::kIoError);  // the first is the commit's
  ASSERT_TRUE(store->Write([](WriteTransaction& transaction) -> Result<> {
    TRY(transaction->Run("INSERT INTO token_keys (id, sealed, created_at) VALUES (1, $1, 0)",
                         ByteVector(6 << 20, 1)));  // more than 1000 pages
    return {};
  }));
  EXPECT_EQ(WriteRow(*store, "later").error().code(), ErrorCode::kUnavailable);
  EXPECT_TRUE(store->broken());
  EXPECT_EQ(broken_, 1);
}

TEST_F(SqliteStore, AFullDiskFailsItsGroupAndTheStoreGoesOnWhenSpaceReturns) {
  const auto store = MustOpen(Options());
  ASSERT_TRUE(WriteRow(*store, "kept"));
  vfs_.FailAt(sql::FaultyVfs::Event::kWrite, 2, sql::FaultyVfs::Fault::kDiskFull);
  std::vector<std::thread> writers;
  {
    HeldWriter held(*store);
    for (int i = 0; i < 4; ++i) {
      writers.emplace_back([&, i] {
        const Result<> outcome = WriteRow(*store, "full" + std::to_string(i));
        ASSERT_FALSE(outcome);
        EXPECT_EQ(outcome.error().code(), ErrorCode::kStorageFull);
      });
    }
    held.ReleaseAt(4);
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_FALSE(store->broken());
  EXPECT_TRUE(Has(*store, "kept"));
  EXPECT_FALSE(Has(*store, "full0"));
  vfs_.Mend();
  EXPECT_TRUE(WriteRow(*store, "full0"));
  EXPECT_TRUE(Has(*store, "full0"));
  EXPECT_EQ(broken_, 0);
}

TEST_F(SqliteStore, ATransactionThatOutgrowsMemoryOnAFullDiskIsRolledBackWhole) {
  const auto store = MustOpen(Options());
  vfs_.FailAt(sql::FaultyVfs::Event::kWrite, 100, sql::FaultyVfs::Fault::kDiskFull);
  const Result<> outcome = store->Write([&](WriteTransaction& transaction) -> Result<> {
    const ByteVector content(1 << 20, 1);
    for (int i = 0; i < 90; ++i) {  // past the writer's cache: pages go to the log before the commit
      const auto inserted =
          transaction->Run("INSERT INTO token_keys (id, sealed, created_at) VALUES ($1, $2, 0)", i, content);
      if (!inserted) {
        vfs_.Mend();
        (void)Insert(transaction.session(), "after the fault");  // must not commit on its own
      }
      TRY(inserted);
    }
    return {};
  });
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), ErrorCode::kStorageFull);
  EXPECT_FALSE(Has(*store, "after the fault"));
  EXPECT_TRUE(WriteRow(*store, "later"));
  EXPECT_FALSE(store->broken());
}

TEST_F(SqliteStore, ACleanStopLeavesNothingInTheLog) {
  auto store = MustOpen(Options());
  ASSERT_TRUE(WriteRow(*store, "a"));
  EXPECT_GT(LogSize(), 0u);
  store.reset();
  EXPECT_EQ(LogSize(), 0u);
}

TEST_F(SqliteStore, TheLogIsFoldedIntoTheFileAfterAnUncleanStopBeforeAnythingIsCommitted) {
  auto store = MustOpen(Options());
  ASSERT_TRUE(WriteRow(*store, "a"));
  vfs_.FailAt(sql::FaultyVfs::Event::kAny, 1, sql::FaultyVfs::Fault::kCrash);
  EXPECT_FALSE(WriteRow(*store, "b"));
  store.reset();
  vfs_.Restart(sql::FaultyVfs::Survival::kNothing);
  ASSERT_GT(LogSize(), 0u);
  {
    const auto connection = sql::OpenSqlite({.path = path_, .vfs = vfs_.name()});
    ASSERT_TRUE(connection);
    EXPECT_EQ(LogSize(), 0u);
  }
  store = MustOpen(Options());
  EXPECT_TRUE(Has(*store, "a"));
}

TEST_F(SqliteStore, OverlappingReadsDoNotKeepTheLogFromBeginningAgain) {
  StoreOptions options = Options();
  options.sqlite_vfs = "";
  const auto store = MustOpen(options);
  std::atomic<bool> stop = false;
  // Each holds its snapshot for two commits, one begins at even and one at odd ones: at every commit one is
  // older, so the log is never wholly in the file, unless somebody lets both end.
  std::atomic<int> commits = 0;
  std::vector<std::thread> readers;
  for (const int parity : {0, 1}) {
    readers.emplace_back([&, parity] {
      while (!stop) {
        (void)store->Read([&](sql::Session& session) -> Result<> {
          sql::Cursor row = TRY(session.Query("SELECT COUNT(*) FROM token_keys"));
          const int seen = commits;
          const auto holds = [&] { return commits == seen || commits % 2 != parity; };
          for (int patience = 100; holds() && !stop && patience > 0; --patience)
            std::this_thread::sleep_for(1ms);
          return {};
        });
      }
    });
  }
  for (int i = 0; i < 160; ++i) {
    const ByteVector content(1 << 20,
                             static_cast<std::uint8_t>(i));  // SQLite skips a page that does not change
    ASSERT_TRUE(store->Write([&](WriteTransaction& transaction) -> Result<> {
      TRY(transaction->Run(
          "INSERT INTO token_keys (id, sealed, created_at) VALUES (1, $1, $2) "
          "ON CONFLICT (id) DO UPDATE SET sealed = excluded.sealed, created_at = excluded.created_at",
          content, i));
      return {};
    }));
  }
  EXPECT_LT(LogSize(), 72u << 20);  // 64 MiB and the last transactions
  stop = true;
  for (std::thread& reader : readers) reader.join();
}

class PostgresStore : public testing::Test {
 protected:
  void SetUp() override {
    if (sql::TestPostgresUrl().empty()) GTEST_SKIP() << sql::kNoTestPostgres;
    schema_ = std::make_unique<sql::TestSchema>();
  }
  std::unique_ptr<Store> Open() { return MustOpen({.url = schema_->url(), .readers = 1, .clock = &clock_}); }

  std::unique_ptr<sql::TestSchema> schema_;
  ManualClock clock_;
};

TEST_F(PostgresStore, NodesThatStartAtOnceMakeOneStoreAndHaveTheirOwnEpochs) {
  std::array<std::unique_ptr<Store>, 4> nodes;
  std::vector<std::thread> threads;
  for (auto& node : nodes) threads.emplace_back([&] { node = Open(); });
  for (std::thread& thread : threads) thread.join();
  std::set<std::uint32_t> epochs;
  for (const auto& node : nodes) {
    EXPECT_EQ(node->store_id(), nodes[0]->store_id());
    epochs.insert(node->boot_epoch());
  }
  EXPECT_EQ(epochs.size(), nodes.size());
}

// The schema is the store: another one of the same database is nobody's business.
TEST_F(PostgresStore, WhoAsksForItAloneHasItAlone) {
  const auto open = [&](const sql::TestSchema& schema) {
    return OpenStore({.url = schema.url(), .readers = 1, .sole = true, .clock = &clock_});
  };
  auto first = open(*schema_);
  ASSERT_TRUE(first) << first.error().ToString();
  const sql::TestSchema other;
  EXPECT_TRUE(open(other));
  const auto second = open(*schema_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), ErrorCode::kConfiguration);
  first->reset();
  EXPECT_TRUE(open(*schema_));
}

TEST_F(PostgresStore, WritesThatDeadlockRunAgain) {
  const auto first = Open(), second = Open();
  ASSERT_TRUE(WriteRow(*first, "a"));
  ASSERT_TRUE(WriteRow(*first, "b"));
  std::latch both_hold_one(2);
  std::atomic<int> runs = 0;
  const auto raise = [&](Store& store, std::string one, std::string other) {
    const Result<> outcome =
        store.Write([&, once = false](WriteTransaction& transaction) mutable -> Result<> {
          ++runs;
          TRY(transaction->Run("UPDATE counters SET next = next + 1 WHERE name = $1", one));
          if (!once) both_hold_one.arrive_and_wait();
          once = true;
          TRY(transaction->Run("UPDATE counters SET next = next + 1 WHERE name = $1", other));
          return {};
        });
    EXPECT_TRUE(outcome) << outcome.error().ToString();
  };
  std::thread thread([&] { raise(*second, "b", "a"); });
  raise(*first, "a", "b");
  thread.join();
  EXPECT_GE(runs, 3);
  const auto sum = first->Read([](sql::Session& session) -> Result<std::int64_t> {
    sql::Cursor row = TRY(session.Query("SELECT CAST(SUM(next) AS BIGINT) FROM counters"));
    TRY(row.Next());
    return row.Int(0);
  });
  EXPECT_EQ(sum, 4);
}

TEST_F(PostgresStore, AServerThatComesBackIsUsedAgain) {
  const auto store = Open();
  ASSERT_TRUE(WriteRow(*store, "a"));
  const Result<> outcome = store->Write([&](WriteTransaction& transaction) -> Result<> {
    sql::Cursor row = TRY(transaction->Query("SELECT pg_backend_pid()"));
    TRY(row.Next());
    schema_->Run(fmt::format("SELECT pg_terminate_backend({}, 5000)", row.Int(0)));
    return Insert(transaction.session(), "b");
  });
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), ErrorCode::kStorageFault);
  EXPECT_FALSE(store->broken());
  EXPECT_FALSE(Has(*store, "b"));
  EXPECT_TRUE(WriteRow(*store, "b"));
}

}  // namespace
}  // namespace entrepot::metadata
