// What is SQLite's alone: one writer a file, and how its log and its deleted bytes are treated
// (design-storage 1.6).

#include "metadata/sql/sqlite.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>

#include <gtest/gtest.h>

#include "metadata/sql/test_database.h"

namespace entrepot::metadata::sql {
namespace {

class CountedGate final : public ReaderGate {
 public:
  explicit CountedGate(std::function<bool()> close = [] { return true; }) : close_(std::move(close)) {}
  bool Close() override {
    ++closed;
    return close_();
  }
  void Open() override { ++opened; }
  int closed = 0, opened = 0;

 private:
  const std::function<bool()> close_;
};

class Sqlite : public testing::Test {
 protected:
  std::unique_ptr<Connection> Open(Role role) {
    auto opened = OpenSqlite({.path = path_, .role = role});
    CHECK(opened);
    return std::move(*opened);
  }
  std::unique_ptr<Connection> NewDatabase() {
    auto writer = Open(Role::kWriter);
    CHECK(writer->RunScript("CREATE TABLE things (id BIGINT PRIMARY KEY, content BYTEA);"));
    CHECK(writer->FoldLog());
    return writer;
  }
  /// In one commit of as many pages, and a few of the tree above them.
  static void WritePages(Connection& writer, int pages) {
    CHECK(writer.Begin());
    CHECK(writer.Run("INSERT INTO things (id, content) SELECT COALESCE(MAX(id), 0) + 1, $1 FROM things",
                     ByteVector(static_cast<std::size_t>(pages) * 4092, 7)));
    CHECK(writer.Commit());
  }
  static std::int64_t Number(Connection& connection, std::string_view query) {
    Cursor row = *connection.Query(query);
    CHECK(row.Next());
    return row.Int(0);
  }
  std::uintmax_t FilePages() const { return std::filesystem::file_size(path_) / 4096; }
  std::uintmax_t LogSize() const { return std::filesystem::file_size(path_ + "-wal"); }
  bool AnyFileHolds(std::string_view text) const {
    for (const char* suffix : {"", "-wal"}) {
      std::ifstream file(path_ + suffix, std::ios::binary);
      const std::string bytes((std::istreambuf_iterator<char>(file)), {});
      if (bytes.contains(text)) return true;
    }
    return false;
  }

  const TestDirectory directory_;
  const std::string path_ = directory_.File("test.db");
};

TEST_F(Sqlite, ASecondWriterIsRefused) {
  const SqliteOptions options{.path = path_};
  auto first = OpenSqlite(options);
  ASSERT_TRUE(first);
  const auto second = OpenSqlite(options);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), ErrorCode::kConfiguration);
  first->reset();
  EXPECT_TRUE(OpenSqlite(options));
}

TEST_F(Sqlite, AFileThatIsNoDatabaseIsAFault) {
  std::FILE* file = std::fopen(path_.c_str(), "w");
  std::fputs(std::string(8192, 'x').c_str(), file);
  std::fclose(file);
  const auto opened = OpenSqlite({.path = path_});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), ErrorCode::kStorageFault);
}

TEST_F(Sqlite, NoConnectionMovesTheLogByItself) {
  {
    const auto writer = NewDatabase();
    const std::uintmax_t pages = FilePages();
    for (int i = 0; i < 3; ++i) WritePages(*writer, 1000);
    EXPECT_EQ(FilePages(), pages);
    const auto reader = Open(Role::kReader);
    EXPECT_EQ(Number(*reader, "PRAGMA wal_autocheckpoint"), 0);
    EXPECT_EQ(Number(*writer, "PRAGMA wal_autocheckpoint"), 0);
  }
  EXPECT_GT(LogSize(), 3000u * 4096) << "the last one to close moved it";
}

TEST_F(Sqlite, TheWriterMovesTheLogEveryThousandPagesAndWaitsForNoReader) {
  const auto writer = NewDatabase();
  const std::uintmax_t pages = FilePages();
  CountedGate gate;
  WritePages(*writer, 900);
  ASSERT_TRUE(writer->TendLog(gate));
  EXPECT_EQ(FilePages(), pages);
  const auto reader = Open(Role::kReader);  // whose snapshot ends at these 900
  ASSERT_TRUE(reader->Begin());
  EXPECT_EQ(Number(*reader, "SELECT COUNT(*) FROM things"), 1);
  WritePages(*writer, 100);
  const auto outcome = writer->TendLog(gate);
  EXPECT_TRUE(outcome) << outcome.error().ToString();
  EXPECT_GE(FilePages(), pages + 900);
  reader->Rollback();
  EXPECT_GT(LogSize(), 1000u * 4096) << "only a fold cuts the log off";
  ASSERT_TRUE(writer->TendLog(gate));
  EXPECT_EQ(gate.closed, 0);
  ASSERT_TRUE(writer->FoldLog());
  EXPECT_EQ(LogSize(), 0u);
}

TEST_F(Sqlite, PastSixtyFourMebibytesReadersAreHeldBackAndTheLogBeginsAgain) {
  const auto writer = NewDatabase(), reader = Open(Role::kReader);
  ASSERT_TRUE(reader->Begin());
  EXPECT_EQ(Number(*reader, "SELECT COUNT(*) FROM things"), 0);  // a snapshot that the log may not pass
  for (int i = 0; i < 16; ++i) WritePages(*writer, 1000);
  CountedGate early;
  ASSERT_TRUE(writer->TendLog(early));
  EXPECT_EQ(early.closed, 0);
  WritePages(*writer, 1100);
  CountedGate in_vain([] { return false; });  // the read ran past its limit: nothing waits for it
  ASSERT_TRUE(writer->TendLog(in_vain));
  EXPECT_EQ(in_vain.closed, 1);
  EXPECT_EQ(in_vain.opened, 1);
  WritePages(*writer, 1000);
  CountedGate gate([&] {
    reader->Rollback();
    return true;
  });
  ASSERT_TRUE(writer->TendLog(gate));
  EXPECT_EQ(gate.closed, 1);
  EXPECT_EQ(gate.opened, 1);
  const std::uintmax_t longest = LogSize();
  EXPECT_GT(longest, 64u << 20);
  WritePages(*writer, 1000);
  EXPECT_EQ(LogSize(), longest);
}

// Debian's library would do so by itself, others not: broken by secure_delete = OFF.
TEST_F(Sqlite, WhatIsDeletedIsOverwritten) {
  const std::string small = "a wrapped key in a row of its own", large(100'000, 'k');
  const auto writer = Open(Role::kWriter);
  ASSERT_TRUE(writer->RunScript("CREATE TABLE things (id BIGINT PRIMARY KEY, content BYTEA);"));
  ASSERT_TRUE(writer->Run("INSERT INTO things (id, content) VALUES (1, $1), (2, $2), (3, $3)", AsBytes(small),
                          AsBytes(large), ByteVector(10, 1)));
  ASSERT_TRUE(writer->FoldLog());
  EXPECT_TRUE(AnyFileHolds(small));
  EXPECT_TRUE(AnyFileHolds(large.substr(0, 4000)));
  ASSERT_TRUE(writer->Run("DELETE FROM things WHERE id < 3"));
  ASSERT_TRUE(writer->FoldLog());
  EXPECT_FALSE(AnyFileHolds(small));
  EXPECT_FALSE(AnyFileHolds(large.substr(0, 1000)));
}

TEST_F(Sqlite, TemporaryDataStaysInMemory) {
  const auto writer = NewDatabase();
  const auto reader = Open(Role::kReader);
  for (Connection* connection : {writer.get(), reader.get()})
    EXPECT_EQ(Number(*connection, "PRAGMA temp_store"), 2);  // MEMORY
}

}  // namespace
}  // namespace entrepot::metadata::sql
