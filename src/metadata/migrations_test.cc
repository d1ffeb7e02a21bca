#include "metadata/migrations.h"

#include <array>

#include <gtest/gtest.h>

#include "metadata/sql/faulty_vfs.h"
#include "metadata/sql/postgres.h"
#include "metadata/sql/sqlite.h"
#include "metadata/sql/test_database.h"

namespace entrepot::metadata {
namespace {

constexpr std::array kTwo = {Migration{1, "0001_first", "CREATE TABLE first (id BIGINT PRIMARY KEY);"},
                             Migration{2, "0002_second", "CREATE TABLE second (id BIGINT PRIMARY KEY);"}};
constexpr std::span<const Migration> kOne = std::span(kTwo).first(1);

class Migrations : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (std::string_view(GetParam()) == "sqlite") {
      connection_ = std::move(*sql::OpenSqlite({.path = directory_.File("test.db")}));
      return;
    }
    if (sql::TestPostgresUrl().empty()) GTEST_SKIP() << sql::kNoTestPostgres;
    schema_ = std::make_unique<sql::TestSchema>();
    connection_ = std::move(*sql::OpenPostgres({.url = schema_->url()}));
  }
  bool HasTable(const std::string& name) { return connection_->Query("SELECT id FROM " + name).has_value(); }

  sql::TestDirectory directory_;
  std::unique_ptr<sql::TestSchema> schema_;
  std::unique_ptr<sql::Connection> connection_;
};
INSTANTIATE_TEST_SUITE_P(Drivers, Migrations, testing::Values("sqlite", "postgres"),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(Migrations, RunWhatIsMissingAndNothingTwice) {
  ASSERT_TRUE(Migrate(*connection_, kOne));
  EXPECT_TRUE(HasTable("first"));
  EXPECT_FALSE(HasTable("second"));
  ASSERT_TRUE(Migrate(*connection_, kTwo));
  ASSERT_TRUE(Migrate(*connection_, kTwo));
  EXPECT_TRUE(HasTable("second"));
}

TEST_P(Migrations, AnOlderReleaseRefusesANewerStoreAndSaysWhatToDo) {
  ASSERT_TRUE(Migrate(*connection_, kTwo));
  const Result<> outcome = Migrate(*connection_, kOne);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), ErrorCode::kConfiguration);
  const std::string_view detail = outcome.error().fact("detail");
  EXPECT_TRUE(detail.contains("schema 2")) << detail;
  EXPECT_TRUE(detail.contains("up to 1")) << detail;
  EXPECT_TRUE(detail.contains("later")) << detail;
}

TEST_P(Migrations, OneThatFailsLeavesTheSchemaBeforeIt) {
  const std::array broken = {
      kTwo[0], Migration{2, "0002_broken", "CREATE TABLE second (id BIGINT); CREATE NONSENSE;"}};
  EXPECT_FALSE(Migrate(*connection_, broken));
  EXPECT_TRUE(HasTable("first"));
  EXPECT_FALSE(HasTable("second"));
  ASSERT_TRUE(Migrate(*connection_, kTwo));
  EXPECT_TRUE(HasTable("second"));
}

TEST_P(Migrations, TheEmbeddedOnesAreNumberedAndRun) {
  int expected = 0;
  for (const Migration& migration : EmbeddedMigrations()) EXPECT_EQ(migration.number, ++expected);
  ASSERT_GE(expected, 1);
  const Result<> outcome = Migrate(*connection_, EmbeddedMigrations());
  ASSERT_TRUE(outcome) << outcome.error().ToString();
  EXPECT_TRUE(connection_->Query("SELECT content FROM manifests"));
}

TEST(MigrationCrash, AtEveryEventLeavesOneSchemaOrTheNext) {
  sql::FaultyVfs vfs("faulty");
  for (int point = 1, crashed = 1; crashed != 0; ++point) {
    SCOPED_TRACE(point);
    const sql::TestDirectory directory;
    const sql::SqliteOptions options{.path = directory.File("test.db"), .vfs = vfs.name()};
    {
      auto first = sql::OpenSqlite(options);
      ASSERT_TRUE(first && Migrate(**first, kOne));
      vfs.FailAt(sql::FaultyVfs::Event::kAny, point, sql::FaultyVfs::Fault::kCrash);
      const bool migrated = Migrate(**first, kTwo).has_value();
      crashed = vfs.crashed() ? 1 : 0;
      EXPECT_EQ(migrated, crashed == 0);
    }
    vfs.Restart(sql::FaultyVfs::Survival::kSome, static_cast<std::uint32_t>(point));
    auto second = sql::OpenSqlite(options);
    ASSERT_TRUE(second);
    sql::Cursor row = *(*second)->Query("SELECT MAX(number) FROM schema_migrations");
    ASSERT_TRUE(row.Next().value());
    EXPECT_EQ((*second)->Query("SELECT id FROM second").has_value(), row.Int(0) == 2);
    EXPECT_TRUE((*second)->Query("SELECT id FROM first"));
    if (crashed == 0) EXPECT_EQ(row.Int(0), 2);
  }
}

}  // namespace
}  // namespace entrepot::metadata
