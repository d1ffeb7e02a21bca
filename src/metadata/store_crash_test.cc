// The power goes at every point of a store's life; what was acknowledged is there afterwards, and nothing is
// there by half (design-storage 1.10, 1.16).

#include <filesystem>
#include <set>

#include <gtest/gtest.h>

#include "metadata/sql/faulty_vfs.h"
#include "metadata/store_test_support.h"

namespace entrepot::metadata {
namespace {

using sql::FaultyVfs;

/// What clients were told.
struct Told {
  std::set<std::string> acknowledged, refused;
  std::uint32_t boot_epoch = 0;
};

struct Workload {
  int threads;
  int writes;           // by each thread
  std::size_t content;  // bytes in each
};

class StoreCrash : public testing::TestWithParam<FaultyVfs::Survival> {
 protected:
  StoreOptions Options() {
    return {.url = "sqlite:" + path_, .readers = 1, .clock = &clock_, .sqlite_vfs = vfs_.name()};
  }

  /// A write is two rows: one half without the other would be a torn transaction.
  static Result<> WritePair(Store& store, const std::string& name, std::size_t content) {
    return store.Write([&](WriteTransaction& transaction) -> Result<> {
      TRY(Insert(transaction.session(), name));
      TRY(transaction->Run(
          "INSERT INTO user_policies (account, user_id, name, document) VALUES ('', '', $1, $2)", name,
          std::string(content, 'x')));
      return {};
    });
  }

  /// Opens, writes and closes, in as far as the disk lets it.
  Told Run(const Workload& workload) {
    Told told;
    auto opened = OpenStore(Options());
    if (!opened) return told;
    Store& store = **opened;
    told.boot_epoch = store.boot_epoch();
    std::mutex mutex;
    std::vector<std::thread> threads;
    for (int thread = 0; thread < workload.threads; ++thread) {
      threads.emplace_back([&, thread] {
        for (int i = 0; i < workload.writes; ++i) {
          const std::string name = std::to_string(thread) + "." + std::to_string(i);
          const bool written = WritePair(store, name, workload.content).has_value();
          const std::lock_guard lock(mutex);
          (written ? told.acknowledged : told.refused).insert(name);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    return told;
  }

  static bool HasHalf(Store& store, const std::string& name) {
    return *store.Read([&](sql::Session& session) -> Result<bool> {
      sql::Cursor row = TRY(session.Query("SELECT 1 FROM user_policies WHERE name = $1", name));
      return row.Next();
    });
  }

  void Verify(const Told& told) {
    const auto opened = OpenStore(Options());
    ASSERT_TRUE(opened) << opened.error().ToString();
    Store& store = **opened;
    EXPECT_GT(store.boot_epoch(), told.boot_epoch);
    for (const std::string& name : told.acknowledged) {
      EXPECT_TRUE(Has(store, name)) << name;
      EXPECT_TRUE(HasHalf(store, name)) << name;
    }
    for (const std::string& name : told.refused) EXPECT_EQ(Has(store, name), HasHalf(store, name)) << name;
    const auto sound = store.Read([](sql::Session& session) -> Result<std::string> {
      sql::Cursor row = TRY(session.Query("PRAGMA integrity_check"));
      TRY(row.Next());
      return row.Text(0);
    });
    EXPECT_EQ(sound, "ok");
    EXPECT_TRUE(WritePair(*opened->get(), "after", 10));
  }

  /// One life that ends at the `point`th event; false when it ended before that.
  bool CrashAt(int point, const Workload& workload) {
    SCOPED_TRACE("crash at event " + std::to_string(point));
    vfs_.FailAt(FaultyVfs::Event::kAny, point, FaultyVfs::Fault::kCrash);
    const Told told = Run(workload);
    const bool crashed = vfs_.crashed();
    vfs_.Restart(GetParam(), static_cast<std::uint32_t>(point));
    Verify(told);
    for (const char* suffix : {"", "-wal", "-shm", "-journal"}) std::filesystem::remove(path_ + suffix);
    vfs_.Restart(FaultyVfs::Survival::kNothing);
    for (const char* suffix : {"", "-wal", "-shm", "-journal"}) std::filesystem::remove(path_ + suffix);
    return crashed;
  }

  FaultyVfs vfs_{"faulty"};
  sql::TestDirectory directory_;
  const std::string path_ = directory_.File("store.db");
  SystemClock clock_;
};

TEST_P(StoreCrash, AtEveryEventOfASmallLife) {
  const Workload workload{.threads = 3, .writes = 4, .content = 100};
  int point = 1;
  while (CrashAt(point, workload) && !HasFailure()) ++point;
  EXPECT_GT(point, 100);  // creation, migration, writes and the clean stop are all in it
}

TEST_P(StoreCrash, WhileTheLogIsMovedIntoTheFile) {
  const Workload workload{.threads = 2, .writes = 12, .content = 256 << 10};  // more than 1000 pages
  int point = 500;
  while (CrashAt(point, workload) && !HasFailure()) point += 97;
  EXPECT_GT(point, 3000);
}

std::string SurvivalName(const testing::TestParamInfo<FaultyVfs::Survival>& info) {
  switch (info.param) {
    case FaultyVfs::Survival::kNothing:
      return "NothingSurvives";
    case FaultyVfs::Survival::kSome:
      return "SomeSurvives";
    case FaultyVfs::Survival::kEverything:
      return "EverythingSurvives";
  }
}

INSTANTIATE_TEST_SUITE_P(Survivals, StoreCrash,
                         testing::Values(FaultyVfs::Survival::kNothing, FaultyVfs::Survival::kSome,
                                         FaultyVfs::Survival::kEverything),
                         SurvivalName);

}  // namespace
}  // namespace entrepot::metadata
