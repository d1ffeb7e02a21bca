#include "metadata/sql/postgres.h"

#include <array>
#include <charconv>
#include <cstring>
#include <vector>

#include <fmt/format.h>

#include "base/check.h"
#include "base/log.h"
#include "metadata/sql/libpq.h"
#include "metadata/sql/statement_map.h"

namespace entrepot::metadata::sql {
namespace {

// Object ids of PostgreSQL's built-in types (pg_type.dat); fixed for ever.
constexpr Oid kByteaType = 17, kInt8Type = 20, kInt2Type = 21, kInt4Type = 23, kTextType = 25;

// Nodes that bring the schema up to date take turns by this number.
constexpr std::string_view kLockSchema = "SELECT pg_advisory_xact_lock(7310587412265971712)";

const Libpq& Pq() { return Libpq::Get(); }

struct ConnectionCloser {
  void operator()(PGconn* connection) const { Pq().PQfinish(connection); }
};
struct ResultCloser {
  void operator()(PGresult* result) const { Pq().PQclear(result); }
};
using Answer = std::unique_ptr<PGresult, ResultCloser>;

std::string Trimmed(const char* message) {
  std::string text = message;
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

/// By SQLSTATE (appendix A of PostgreSQL's manual).
ErrorCode CodeOf(std::string_view state) {
  if (state == "40001" || state == "40P01")
    return ErrorCode::kUnavailable;  // serialisation failure, deadlock
  if (state == "55P03" || state == "57014") return ErrorCode::kUnavailable;  // lock not available, time limit
  if (state == "25P03" || state.starts_with("08")) return ErrorCode::kStorageFault;  // connection
  if (state == "53100") return ErrorCode::kStorageFull;
  if (state.starts_with("53")) return ErrorCode::kUnavailable;    // insufficient resources
  if (state.starts_with("57P")) return ErrorCode::kStorageFault;  // the server stops
  if (state.starts_with("58") || state.starts_with("XX00")) return ErrorCode::kStorageFault;
  return ErrorCode::kInternal;
}

/// Parameters as libpq wants them. Numbers go as text, so that a parameter takes whatever integer type the
/// statement gives it; texts and bytes go as they are.
class Parameters {
 public:
  static Result<Parameters> From(std::span<const Value> values) {
    Parameters parameters(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) TRY(parameters.Set(i, values[i].variant()));
    return parameters;
  }

  int count() const { return static_cast<int>(data_.size()); }
  const char* const* data() const { return data_.data(); }
  const int* lengths() const { return lengths_.data(); }
  const int* formats() const { return formats_.data(); }

 private:
  static constexpr int kText = 0, kBinary = 1;
  using Digits = std::array<char, 24>;

  explicit Parameters(std::size_t count) : data_(count), lengths_(count), formats_(count), digits_(count) {}

  Result<> Set(std::size_t index, const Value::Variant& value) {
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
      Digits& digits = digits_[index];
      *std::to_chars(digits.data(), digits.data() + digits.size(), *number).ptr = '\0';
      data_[index] = digits.data();
      formats_[index] = kText;
    } else if (const auto* text = std::get_if<std::string_view>(&value)) {
      if (text->contains('\0')) return Fail(ErrorCode::kInternal, "a text with a NUL byte");
      SetBinary(index, text->data(), text->size());
    } else if (const auto* bytes = std::get_if<Bytes>(&value)) {
      SetBinary(index, reinterpret_cast<const char*>(bytes->data()), bytes->size());
    }
    return {};
  }
  void SetBinary(std::size_t index, const char* data, std::size_t size) {
    data_[index] = data != nullptr ? data : "";  // a null pointer is NULL
    lengths_[index] = static_cast<int>(size);
    formats_[index] = kBinary;
  }

  std::vector<const char*> data_;
  std::vector<int> lengths_, formats_;
  std::vector<Digits> digits_;
};

/// A whole answer in memory, in binary form: queries are pages (LIMIT), and other statements may run
/// meanwhile.
class Rows final : public Cursor::Rows {
 public:
  explicit Rows(Answer answer) : answer_(std::move(answer)) {}

  Result<bool> Next() override {
    if (row_ < Pq().PQntuples(answer_.get())) ++row_;
    return row_ < Pq().PQntuples(answer_.get());
  }
  bool IsNull(int column) const override {
    CheckPlace(column);
    return Pq().PQgetisnull(answer_.get(), row_, column) == 1;
  }
  std::int64_t Int(int column) const override {
    const Bytes bytes = Field(column);
    const Oid type = Pq().PQftype(answer_.get(), column);
    CHECK(type == kInt8Type || type == kInt4Type || type == kInt2Type);
    std::int64_t number = (bytes[0] & 0x80) != 0 ? -1 : 0;
    for (const std::uint8_t byte : bytes)
      number = static_cast<std::int64_t>(static_cast<std::uint64_t>(number) << 8 | byte);
    return number;
  }
  std::string_view Text(int column) const override {
    CHECK(Pq().PQftype(answer_.get(), column) == kTextType);
    return AsText(Field(column));
  }
  Bytes Blob(int column) const override {
    CHECK(Pq().PQftype(answer_.get(), column) == kByteaType);
    return Field(column);
  }

 private:
  void CheckPlace(int column) const {
    CHECK(row_ >= 0 && row_ < Pq().PQntuples(answer_.get()) && column < Pq().PQnfields(answer_.get()));
  }
  Bytes Field(int column) const {
    CHECK(!IsNull(column));
    return {reinterpret_cast<const std::uint8_t*>(Pq().PQgetvalue(answer_.get(), row_, column)),
            static_cast<std::size_t>(Pq().PQgetlength(answer_.get(), row_, column))};
  }

  Answer answer_;
  int row_ = -1;
};

std::string ReaderSettings(std::chrono::milliseconds limit) {
  return fmt::format(
      "SET default_transaction_read_only = on; SET statement_timeout = {}; SET "
      "idle_in_transaction_session_timeout = {};",
      limit.count(), limit.count() * 2);
}
// An answer is a promise: a server whose default is to forget is told otherwise.
constexpr std::string_view kWriterSettings =
    "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = "
    "'off';";

class PostgresConnection final : public Connection {
 public:
  explicit PostgresConnection(const PostgresOptions& options) : options_(options) {}

  Result<> Connect();
  Result<> TakeStore();

  Result<std::int64_t> RunList(std::string_view sql, std::span<const Value> values) override;
  Result<Cursor> QueryList(std::string_view sql, std::span<const Value> values) override;
  Result<> RunScript(const std::string& script) override;
  bool locks_rows() const override { return true; }

  Result<> Begin() override;
  Result<> Commit() override;
  void Rollback() override;
  bool in_transaction() const override { return began_ && !lost(); }
  Result<> LockSchema() override {
    TRY(Query(kLockSchema));
    return {};
  }

 private:
  bool lost() const { return Pq().PQstatus(connection_.get()) != CONNECTION_OK; }
  Result<> Ready();
  Result<Answer> Checked(PGresult* raw);
  Result<Answer> Execute(std::string_view sql, std::span<const Value> values);
  Result<const std::string*> Prepare(std::string_view sql);
  Result<Answer> Simple(const char* sql) { return Checked(Pq().PQexec(connection_.get(), sql)); }

  const PostgresOptions options_;
  std::unique_ptr<PGconn, ConnectionCloser> connection_;
  StatementMap<std::string> statements_;  // text to the name that the server knows it by
  bool began_ = false;
};

Result<> PostgresConnection::Connect() {
  TRY(Libpq::Load());
  statements_.clear();
  // Before the URL: defaults, which it may override. After it: what the driver needs.
  const char* const names[] = {"fallback_application_name",
                               "connect_timeout",
                               "keepalives_idle",
                               "tcp_user_timeout",
                               "dbname",
                               "client_encoding",
                               nullptr};
  const char* const values[] = {"entrepot", "5", "30", "20000", options_.url.c_str(), "UTF8", nullptr};
  connection_.reset(Pq().PQconnectdbParams(names, values, /*expand_dbname=*/1));
  CHECK(connection_ != nullptr);
  if (lost()) return Fail(ErrorCode::kUnavailable, Trimmed(Pq().PQerrorMessage(connection_.get())));
  Pq().PQsetNoticeReceiver(connection_.get(), [](void*, const PGresult*) {}, nullptr);
  if (options_.sole) TRY(TakeStore());
  const std::string settings =
      options_.role == Role::kReader ? ReaderSettings(options_.read_limit) : std::string(kWriterSettings);
  TRY(Simple(settings.c_str()));
  return {};
}

/// A lock that ends with the connection. A server that was killed leaves it when the database has noticed,
/// which may be after its successor has started.
Result<> PostgresConnection::TakeStore() {
  const Result<Answer> taken = Simple(
      "SET lock_timeout = '5s'; SELECT pg_advisory_lock(7310587, hashtext(current_schema())); RESET "
      "lock_timeout");
  if (taken) return {};
  if (lost()) return Fail(taken.error());
  return Fail(ErrorCode::kConfiguration,
              "the database cannot be had alone: is another Entrepot running on it? Only one may. " +
                  std::string(taken.error().fact("detail")));
}

/// Work that runs fails with the server; what comes after it begins on a new connection.
Result<> PostgresConnection::Ready() {
  if (!lost()) return {};
  if (began_) return Fail(ErrorCode::kStorageFault, "the database server was lost");
  return Connect();
}

Result<Answer> PostgresConnection::Checked(PGresult* raw) {
  Answer answer(raw);
  const ExecStatusType status = Pq().PQresultStatus(raw);
  if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) return answer;
  const char* state = Pq().PQresultErrorField(raw, PG_DIAG_SQLSTATE);
  const std::string detail =
      Trimmed(raw != nullptr ? Pq().PQresultErrorMessage(raw) : Pq().PQerrorMessage(connection_.get()));
  if (lost() || state == nullptr) return Fail(ErrorCode::kStorageFault, detail);
  return Fail(CodeOf(state), fmt::format("postgresql {}: {}", state, detail));
}

Result<const std::string*> PostgresConnection::Prepare(std::string_view sql) {
  if (const auto found = statements_.find(sql); found != statements_.end()) return &found->second;
  const std::string text(sql);
  std::string name = fmt::format("s{}", statements_.size());
  TRY(Checked(Pq().PQprepare(connection_.get(), name.c_str(), text.c_str(), 0, nullptr)));
  return &statements_.emplace(text, std::move(name)).first->second;
}

Result<Answer> PostgresConnection::Execute(std::string_view sql, std::span<const Value> values) {
  TRY(Ready());
  const std::string& name = *TRY(Prepare(sql));
  const Parameters parameters = TRY(Parameters::From(values));
  return Checked(Pq().PQexecPrepared(connection_.get(), name.c_str(), parameters.count(), parameters.data(),
                                     parameters.lengths(), parameters.formats(), /*resultFormat=*/1));
}

Result<std::int64_t> PostgresConnection::RunList(std::string_view sql, std::span<const Value> values) {
  const Answer answer = TRY(Execute(sql, values));
  if (std::string_view(Pq().PQcmdStatus(answer.get())).starts_with("SELECT")) return 0;
  const std::string_view count = Pq().PQcmdTuples(answer.get());
  std::int64_t changed = 0;
  std::from_chars(count.data(), count.data() + count.size(), changed);
  return changed;
}

Result<Cursor> PostgresConnection::QueryList(std::string_view sql, std::span<const Value> values) {
  return Cursor(std::make_unique<Rows>(TRY(Execute(sql, values))));
}

/// Texts compare byte by byte, as in SQLite, whatever the database's own collation: orders of pages are the
/// same on both, and no upgrade of the server's C library turns an index over.
std::string WithByteOrder(std::string_view script) {
  constexpr std::string_view kType = " TEXT", kOrder = " COLLATE \"C\"";
  std::string ordered(script);
  for (std::size_t at = ordered.find(kType); at != std::string::npos;
       at = ordered.find(kType, at + kType.size()))
    ordered.insert(at + kType.size(), kOrder);
  return ordered;
}

Result<> PostgresConnection::RunScript(const std::string& script) {
  TRY(Ready());
  TRY(Simple(WithByteOrder(script).c_str()));
  return {};
}

Result<> PostgresConnection::Begin() {
  CHECK(!began_);
  TRY(Ready());
  const char* const begin = options_.role == Role::kReader ? "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
                                                           : "BEGIN ISOLATION LEVEL READ COMMITTED";
  Result<Answer> answer = Simple(begin);
  if (!answer && lost()) {  // while it was idle: nothing was running
    TRY(Connect());
    answer = Simple(begin);
  }
  if (!answer) return Fail(std::move(answer).error());
  began_ = true;
  return {};
}

Result<> PostgresConnection::Commit() {
  CHECK(began_);
  Result<Answer> answer =
      lost() ? Fail(ErrorCode::kUnavailable, "the database server was lost") : Simple("COMMIT");
  began_ = false;
  if (!answer) return Fail(std::move(answer).error());
  // A transaction that failed earlier answers COMMIT with ROLLBACK.
  if (std::string_view(Pq().PQcmdStatus(answer->get())) == "COMMIT") return {};
  return Fail(ErrorCode::kInternal, "the transaction had failed");
}

void PostgresConnection::Rollback() {
  CHECK(began_);
  began_ = false;
  if (lost()) return;
  if (const Result<Answer> answer = Simple("ROLLBACK"); !answer)
    log::Warning("rollback failed", {{"error", answer.error().ToString()}});
}

}  // namespace

Result<std::unique_ptr<Connection>> OpenPostgres(const PostgresOptions& options) {
  auto connection = std::make_unique<PostgresConnection>(options);
  TRY(connection->Connect());
  return connection;
}

}  // namespace entrepot::metadata::sql
