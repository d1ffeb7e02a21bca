#include "metadata/store.h"

#include <gtest/gtest.h>

#include "metadata/sql/test_database.h"

namespace entrepot::metadata {
namespace {

TEST(Smoke, Works) {
  sql::TestDirectory directory;
  ManualClock clock;
  auto opened = OpenStore({.url = "sqlite:" + directory.File("store.db"), .clock = &clock});
  ASSERT_TRUE(opened) << opened.error().ToString();
  Store& store = **opened;
  auto wrote = store.Write([](WriteTransaction& t) -> Result<int> {
    TRY(t->Run("INSERT INTO counters VALUES ($1, $2)", "a", 3));
    return 5;
  });
  ASSERT_TRUE(wrote) << wrote.error().ToString();
  EXPECT_EQ(*wrote, 5);
  auto read = store.Read([](sql::Session& s) -> Result<std::int64_t> {
    auto c = TRY(s.Query("SELECT next FROM counters WHERE name = $1", "a"));
    TRY(c.Next());
    return c.Int(0);
  });
  ASSERT_TRUE(read) << read.error().ToString();
  EXPECT_EQ(*read, 3);
}

}  // namespace
}  // namespace entrepot::metadata
