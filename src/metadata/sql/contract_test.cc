// What every statement of the tree may rely on, on both drivers.

#include <gtest/gtest.h>

#include "metadata/sql/connection.h"
#include "metadata/sql/postgres.h"
#include "metadata/sql/sqlite.h"
#include "metadata/sql/test_database.h"

namespace entrepot::metadata::sql {
namespace {

/// A database of one of the kinds, empty at the start of a test.
class Database {
 public:
  virtual ~Database() = default;
  virtual Result<std::unique_ptr<Connection>> Open(Role role, std::chrono::milliseconds read_limit) = 0;
};

class SqliteDatabase final : public Database {
 public:
  Result<std::unique_ptr<Connection>> Open(Role role, std::chrono::milliseconds read_limit) override {
    return OpenSqlite({.path = directory_.File("test.db"), .role = role, .read_limit = read_limit});
  }

 private:
  TestDirectory directory_;
};

class PostgresDatabase final : public Database {
 public:
  Result<std::unique_ptr<Connection>> Open(Role role, std::chrono::milliseconds read_limit) override {
    return OpenPostgres({.url = schema_.url(), .role = role, .read_limit = read_limit});
  }

 private:
  TestSchema schema_;
};

class Contract : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (std::string_view(GetParam()) == "sqlite")
      database_ = std::make_unique<SqliteDatabase>();
    else if (TestPostgresUrl().empty())
      GTEST_SKIP() << kNoTestPostgres;
    else
      database_ = std::make_unique<PostgresDatabase>();
    writer_ = Open(Role::kWriter);
    Script(
        "CREATE TABLE things (id BIGINT PRIMARY KEY, small SMALLINT, words TEXT, content BYTEA);"
        "CREATE UNIQUE INDEX things_by_words ON things (words);");
  }

  std::unique_ptr<Connection> Open(Role role,
                                   std::chrono::milliseconds read_limit = std::chrono::seconds(5)) {
    auto opened = database_->Open(role, read_limit);
    CHECK(opened);
    return std::move(*opened);
  }
  void Script(const std::string& script) {
    const Result<> outcome = writer_->RunScript(script);
    ASSERT_TRUE(outcome) << outcome.error().ToString();
  }
  template <class... Values>
  std::int64_t Run(std::string_view sql, const Values&... values) {
    const auto outcome = writer_->Run(sql, values...);
    if (!outcome) ADD_FAILURE() << outcome.error().ToString();
    return outcome.value_or(-1);
  }
  template <class... Values>
  Cursor Query(std::string_view sql, const Values&... values) {
    auto outcome = writer_->Query(sql, values...);
    if (!outcome) ADD_FAILURE() << outcome.error().ToString();
    CHECK(outcome);
    return std::move(*outcome);
  }
  /// The query stands on its only row.
  template <class... Values>
  Cursor Row(std::string_view sql, const Values&... values) {
    Cursor cursor = Query(sql, values...);
    EXPECT_EQ(cursor.Next(), true);
    return cursor;
  }
  std::int64_t Count() { return Row("SELECT COUNT(*) FROM things").Int(0); }

  std::unique_ptr<Database> database_;
  std::unique_ptr<Connection> writer_;
};

bool Next(Cursor& cursor) {
  const Result<bool> more = cursor.Next();
  CHECK(more);
  return *more;
}

TEST_P(Contract, KeepsEveryTypeExactly) {
  for (const std::int64_t number :
       {std::int64_t{0}, std::int64_t{-1}, INT64_MAX, INT64_MIN, std::int64_t{1} << 40}) {
    Run("INSERT INTO things (id, small, words) VALUES ($1, $2, $3)", number, -7, std::to_string(number));
    Cursor row = Row("SELECT id, small, words FROM things WHERE id = $1", number);
    EXPECT_EQ(row.Int(0), number);
    EXPECT_EQ(row.Int(1), -7);
    EXPECT_EQ(row.Text(2), std::to_string(number));
  }
  const Digest digest = Digest::Of(HashAlgorithm::kSha256, AsBytes("x"));
  Run("INSERT INTO things (id, small, words, content) VALUES ($1, $2, $3, $4)", Timestamp{77}, true, "zoë ✓",
      digest);
  Cursor row = Row("SELECT id, small, words, content FROM things WHERE content = $1", digest);
  EXPECT_EQ(row.Time(0), Timestamp{77});
  EXPECT_TRUE(row.Bool(1));
  EXPECT_EQ(row.TextView(2), "zoë ✓");
  EXPECT_EQ(row.StoredDigest(3), digest);
}

TEST_P(Contract, NullIsNeitherEmptyTextNorEmptyBytes) {
  const std::string_view no_text;  // a null pointer, which must not become NULL
  const Bytes no_bytes;
  Run("INSERT INTO things (id, words, content) VALUES (1, $1, $2)", no_text, no_bytes);
  Run("INSERT INTO things (id, small, words, content) VALUES (2, $1, $2, $3)", nullptr,
      std::optional<std::string>(), std::optional<ByteVector>());
  Cursor empty = Row("SELECT words, content FROM things WHERE id = 1");
  EXPECT_EQ(empty.OptionalText(0), "");
  EXPECT_EQ(empty.OptionalBlob(1), ByteVector());
  EXPECT_FALSE(empty.IsNull(1));
  Cursor null = Row("SELECT small, words, content FROM things WHERE id = 2");
  EXPECT_EQ(null.OptionalInt(0), std::nullopt);
  EXPECT_EQ(null.OptionalTime(0), std::nullopt);
  EXPECT_EQ(null.OptionalText(1), std::nullopt);
  EXPECT_EQ(null.OptionalBlob(2), std::nullopt);
}

TEST_P(Contract, BytesAreKeptWhateverTheyAre) {
  ByteVector every(256);
  for (std::size_t i = 0; i < every.size(); ++i) every[i] = static_cast<std::uint8_t>(i);
  Run("INSERT INTO things (id, content) VALUES (1, $1)", every);
  EXPECT_EQ(Row("SELECT content FROM things WHERE content = $1", every).Blob(0), every);
  Run("INSERT INTO things (id, content) VALUES (2, $1)", ByteVector{0});
  EXPECT_EQ(Row("SELECT content FROM things WHERE id = 2").Blob(0), ByteVector{0});
  ByteVector big(5 << 20);
  for (std::size_t i = 0; i < big.size(); ++i) big[i] = static_cast<std::uint8_t>(i * 2654435761u >> 24);
  Run("INSERT INTO things (id, content) VALUES (3, $1)", big);
  EXPECT_EQ(Row("SELECT content FROM things WHERE id = 3").Blob(0), big);
}

TEST_P(Contract, BytesCompareAsUnsigned) {
  Run("INSERT INTO things (id, content) VALUES (1, $1), (2, $2), (3, $3)", ByteVector{0x80}, ByteVector{0x7f},
      ByteVector{0x7f, 0});
  Cursor cursor = Query("SELECT id FROM things ORDER BY content");
  for (const int id : {2, 3, 1}) {
    ASSERT_TRUE(Next(cursor));
    EXPECT_EQ(cursor.Int(0), id);
  }
}

TEST_P(Contract, TextsCompareByteByByte) {
  Run("INSERT INTO things (id, words) VALUES (1, 'b'), (2, 'B'), (3, 'a-b'), (4, 'ab'), (5, 'é')");
  Cursor cursor = Query("SELECT words FROM things WHERE words > $1 ORDER BY words", "A");
  for (const char* words : {"B", "a-b", "ab", "b", "é"}) {
    ASSERT_TRUE(Next(cursor));
    EXPECT_EQ(cursor.Text(0), words);
  }
  EXPECT_FALSE(Next(cursor));
}

TEST_P(Contract, ATextWithANulByteIsRefused) {
  const auto outcome =
      writer_->Run("INSERT INTO things (id, words) VALUES (1, $1)", std::string_view("a\0b", 3));
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), ErrorCode::kInternal);
  EXPECT_EQ(Count(), 0);
}

TEST_P(Contract, ParametersAreByNumberNotByPlace) {
  Run("INSERT INTO things (id, small, words) VALUES ($2, $3, $1)", "one", 10, 20);
  Cursor row = Row("SELECT small, words FROM things WHERE words = $2 AND id = $1 AND words = $2", 10, "one");
  EXPECT_EQ(row.Int(0), 20);
}

TEST_P(Contract, RunCountsTheRowsItChanged) {
  EXPECT_EQ(Run("INSERT INTO things (id, small) VALUES (1, 1), (2, 1), (3, 2)"), 3);
  EXPECT_EQ(Run("UPDATE things SET small = $1 WHERE small = $2", 5, 1), 2);
  EXPECT_EQ(Run("UPDATE things SET small = $1 WHERE small = $2", 5, 99), 0);
  EXPECT_EQ(Run("SELECT id FROM things"), 0);
  EXPECT_EQ(Run("DELETE FROM things WHERE small = $1 RETURNING id", 5), 2);
  EXPECT_EQ(Run("DELETE FROM things"), 1);
}

TEST_P(Contract, ConflictsAreAnswers) {
  const auto insert = [&](int id, const char* words) {
    return Run("INSERT INTO things (id, small, words) VALUES ($1, 1, $2) ON CONFLICT DO NOTHING", id, words);
  };
  EXPECT_EQ(insert(1, "a"), 1);
  EXPECT_EQ(insert(1, "b"), 0);
  EXPECT_EQ(insert(2, "a"), 0);
  Cursor row =
      Row("INSERT INTO things (id, small, words) VALUES ($1, 9, $2) "
          "ON CONFLICT (id) DO UPDATE SET small = things.small + excluded.small, words = excluded.words "
          "RETURNING small, words",
          1, "c");
  EXPECT_EQ(row.Int(0), 10);
  EXPECT_EQ(row.Text(1), "c");
}

TEST_P(Contract, ReturningRunsInFullEvenWhenNobodyReadsItsRows) {
  {
    Query("INSERT INTO things (id) VALUES (1), (2), (3) RETURNING id");
  }
  EXPECT_EQ(Count(), 3);
  {
    Cursor cursor = Query("UPDATE things SET small = id RETURNING id");
    ASSERT_TRUE(Next(cursor));
  }
  EXPECT_EQ(Row("SELECT CAST(SUM(small) AS BIGINT) FROM things").Int(0), 6);
}

TEST_P(Contract, StatementsRunAgainWithOtherValues) {
  for (int i = 0; i < 50; ++i) {
    const std::optional<std::string> words =
        i % 2 == 0 ? std::optional("w" + std::to_string(i)) : std::nullopt;
    Run("INSERT INTO things (id, words) VALUES ($1, $2)", i, words);
    EXPECT_EQ(Row("SELECT words FROM things WHERE id = $1", i).OptionalText(0), words);
  }
}

TEST_P(Contract, OneTextAtTwoPlacesIsOneStatement) {
  const std::string first = "SELECT id FROM things WHERE id = $1", second(first.c_str());
  Run("INSERT INTO things (id) VALUES (1), (2)");
  EXPECT_EQ(Row(first, 1).Int(0), 1);
  EXPECT_EQ(Row(second, 2).Int(0), 2);
  // And another text at the same place is another one.
  std::string place = "SELECT 1 AS x", other = "SELECT 2 AS x";
  EXPECT_EQ(Row(place).Int(0), 1);
  place = other;
  EXPECT_EQ(Row(place).Int(0), 2);
}

TEST_P(Contract, ACursorOutlivesTheValuesItWasOpenedWith) {
  const auto key = [] {
    return Digest::Of(HashAlgorithm::kSha256, AsBytes("a value long enough for the heap"));
  };
  for (int i = 0; i < 3; ++i) Run("INSERT INTO things (id, content) VALUES ($1, $2)", i, key());
  Cursor cursor =
      Query("SELECT id FROM things WHERE content = $1 ORDER BY id", key());  // gone when this returns
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(Next(cursor));
    EXPECT_EQ(cursor.Int(0), i);
  }
  EXPECT_FALSE(Next(cursor));
}

TEST_P(Contract, OtherStatementsRunWhileACursorIsOpen) {
  for (int i = 0; i < 300; ++i) Run("INSERT INTO things (id, small) VALUES ($1, 0)", i);
  ASSERT_TRUE(writer_->Begin());
  Cursor outer = Query("SELECT id, words FROM things WHERE id >= $1 ORDER BY id", 0);
  int seen = 0;
  while (Next(outer)) {
    Run("UPDATE things SET small = 1 WHERE id = $1", outer.Int(0));
    EXPECT_EQ(Row("SELECT small FROM things WHERE id = $1", outer.Int(0)).Int(0), 1);
    EXPECT_EQ(outer.Int(0), seen++);
  }
  EXPECT_EQ(seen, 300);
  EXPECT_TRUE(writer_->Commit());
}

TEST_P(Contract, ErrorsAreClassified) {
  Run("INSERT INTO things (id) VALUES (1)");
  const auto duplicate = writer_->Run("INSERT INTO things (id) VALUES (1)");
  ASSERT_FALSE(duplicate);
  EXPECT_EQ(duplicate.error().code(), ErrorCode::kInternal);
  EXPECT_FALSE(duplicate.error().fact("detail").empty());
  const auto nonsense = writer_->Run("INSERT INTO nowhere VALUES (1)");
  ASSERT_FALSE(nonsense);
  EXPECT_EQ(nonsense.error().code(), ErrorCode::kInternal);
  EXPECT_EQ(Count(), 1);  // the session goes on
}

TEST_P(Contract, ACommitIsSeenByOthersAndARollbackByNobody) {
  const auto reader = Open(Role::kReader);
  const auto count = [&] {
    CHECK(reader->Begin());
    Cursor cursor = *reader->Query("SELECT COUNT(*) FROM things");
    CHECK(Next(cursor));
    const std::int64_t counted = cursor.Int(0);
    reader->Rollback();
    return counted;
  };
  ASSERT_TRUE(writer_->Begin());
  Run("INSERT INTO things (id) VALUES (1)");
  EXPECT_EQ(count(), 0);
  EXPECT_TRUE(writer_->in_transaction());
  ASSERT_TRUE(writer_->Commit());
  EXPECT_FALSE(writer_->in_transaction());
  EXPECT_EQ(count(), 1);
  ASSERT_TRUE(writer_->Begin());
  Run("INSERT INTO things (id) VALUES (2)");
  writer_->Rollback();
  EXPECT_EQ(count(), 1);
}

TEST_P(Contract, AReaderSeesOneSnapshotAndWritesNothing) {
  const auto reader = Open(Role::kReader);
  const auto count = [&] {
    Cursor cursor = *reader->Query("SELECT COUNT(*) FROM things");
    CHECK(Next(cursor));
    return cursor.Int(0);
  };
  ASSERT_TRUE(reader->Begin());
  EXPECT_EQ(count(), 0);
  Run("INSERT INTO things (id) VALUES (1)");
  EXPECT_EQ(count(), 0);
  reader->Rollback();
  ASSERT_TRUE(reader->Begin());
  EXPECT_EQ(count(), 1);
  EXPECT_FALSE(reader->Run("DELETE FROM things"));
  reader->Rollback();
  EXPECT_EQ(Count(), 1);
}

TEST_P(Contract, SavepointsUndoTheirPartOnly) {
  ASSERT_TRUE(writer_->Begin());
  Run("INSERT INTO things (id) VALUES (1)");
  Run("SAVEPOINT member");
  Run("INSERT INTO things (id) VALUES (2)");
  EXPECT_FALSE(writer_->Run("INSERT INTO things (id) VALUES (1)"));
  Run("ROLLBACK TO SAVEPOINT member");
  Run("RELEASE SAVEPOINT member");
  Run("INSERT INTO things (id) VALUES (3)");
  ASSERT_TRUE(writer_->Commit());
  EXPECT_EQ(Row("SELECT CAST(SUM(id) AS BIGINT) FROM things").Int(0), 4);
}

TEST_P(Contract, SchemaChangesAreTransactional) {
  ASSERT_TRUE(writer_->Begin());
  Script("CREATE TABLE more (id BIGINT PRIMARY KEY); ALTER TABLE things ADD COLUMN extra BIGINT;");
  writer_->Rollback();
  EXPECT_FALSE(writer_->Run("SELECT id FROM more"));
  EXPECT_FALSE(writer_->Run("SELECT extra FROM things"));
}

TEST_P(Contract, StatementsOutliveASchemaChange) {
  Run("INSERT INTO things (id) VALUES (1)");
  EXPECT_EQ(Row("SELECT id FROM things WHERE id = $1", 1).Int(0), 1);
  Script("CREATE INDEX things_by_small ON things (small); ALTER TABLE things ADD COLUMN extra BIGINT;");
  EXPECT_EQ(Row("SELECT id FROM things WHERE id = $1", 1).Int(0), 1);
}

TEST_P(Contract, AReadPastItsLimitIsUnavailable) {
  const auto reader = Open(Role::kReader, std::chrono::milliseconds(20));
  ASSERT_TRUE(reader->Begin());
  const auto outcome = reader->Query(
      "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 2000000000) "
      "SELECT COUNT(*) FROM numbers");
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), ErrorCode::kUnavailable);
  reader->Rollback();
  ASSERT_TRUE(reader->Begin());
  EXPECT_TRUE(reader->Query("SELECT id FROM things"));
  reader->Rollback();
}

INSTANTIATE_TEST_SUITE_P(Drivers, Contract, testing::Values("sqlite", "postgres"),
                         [](const auto& info) { return std::string(info.param); });

class Postgres : public testing::Test {
 protected:
  void SetUp() override {
    if (TestPostgresUrl().empty()) GTEST_SKIP() << kNoTestPostgres;
    schema_ = std::make_unique<TestSchema>();
    connection_ = std::move(*OpenPostgres({.url = schema_->url()}));
    ASSERT_TRUE(connection_->RunScript("CREATE TABLE things (id BIGINT PRIMARY KEY);"));
  }
  /// Ends the connection from the server's side, and waits until it has gone.
  void Lose() {
    Cursor cursor = *connection_->Query("SELECT pg_backend_pid()");
    ASSERT_TRUE(Next(cursor));
    schema_->Run(fmt::format("SELECT pg_terminate_backend({}, 5000)", cursor.Int(0)));
  }

  std::unique_ptr<TestSchema> schema_;
  std::unique_ptr<Connection> connection_;
};

TEST_F(Postgres, ALostServerFailsWhatRunsAndIsConnectedAgainForTheNext) {
  ASSERT_TRUE(connection_->Begin());
  ASSERT_TRUE(connection_->Run("INSERT INTO things (id) VALUES ($1)", 1));
  Lose();
  const auto outcome = connection_->Run("INSERT INTO things (id) VALUES ($1)", 2);
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), ErrorCode::kStorageFault);
  EXPECT_FALSE(connection_->in_transaction());
  EXPECT_FALSE(connection_->Run("INSERT INTO things (id) VALUES ($1)", 3));  // not outside of the transaction
  connection_->Rollback();

  ASSERT_TRUE(connection_->Begin());
  Cursor cursor = *connection_->Query("SELECT COUNT(*) FROM things");
  ASSERT_TRUE(Next(cursor));
  EXPECT_EQ(cursor.Int(0), 0);
  EXPECT_TRUE(connection_->Commit());
}

TEST_F(Postgres, AServerThatRestartedWhileNothingRanIsNotNoticed) {
  Lose();
  ASSERT_TRUE(connection_->Begin());
  EXPECT_TRUE(connection_->Run("INSERT INTO things (id) VALUES ($1)", 1));
  EXPECT_TRUE(connection_->Commit());
}

TEST_F(Postgres, ACommitThatTheServerDidNotAnswerHasAnUnknownOutcome) {
  ASSERT_TRUE(connection_->Begin());
  ASSERT_TRUE(connection_->Run("INSERT INTO things (id) VALUES ($1)", 1));
  Lose();
  const Result<> outcome = connection_->Commit();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), ErrorCode::kStorageFault);
}

TEST_F(Postgres, AServerThatIsNotThereIsUnavailable) {
  const auto opened = OpenPostgres({.url = "postgresql:///postgres?host=%2Fnowhere"});
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code(), ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace entrepot::metadata::sql
