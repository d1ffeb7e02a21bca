#include "metadata/sql/sqlite.h"

#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <mutex>
#include <sys/file.h>
#include <vector>

#include <fmt/format.h>
#include <sqlite3.h>

#include "base/check.h"
#include "base/fd.h"
#include "base/log.h"
#include "metadata/sql/statement_map.h"

namespace entrepot::metadata::sql {
namespace {

constexpr int kPageSize = 4096;
constexpr int kCheckpointPages = 1000;                        // design-storage 1.6
constexpr int kRestartPages = (64 << 20) / (kPageSize + 24);  // 64 MiB of log; a frame has a 24 byte header
constexpr int kProgressSteps = 1000;  // virtual machine steps between looks at the time
constexpr std::chrono::milliseconds kBusyTimeout{5000};

/// The outcome of one call, read from the connection before anything else changes it.
Error Classify(sqlite3* database, int code) {
  const std::string detail =
      fmt::format("sqlite {}: {}", code, database ? sqlite3_errmsg(database) : sqlite3_errstr(code));
  switch (code & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_INTERRUPT:
      return Error(ErrorCode::kUnavailable, detail);
    case SQLITE_FULL:
      return Error(ErrorCode::kStorageFull, detail);
    case SQLITE_IOERR:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_CANTOPEN:
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return Error(ErrorCode::kStorageFault, detail);
    default:
      return Error(ErrorCode::kInternal, detail);
  }
}

/// A prepared statement. `$3` is a name to SQLite, so slots_[i] holds which value its parameter i + 1 takes.
class Statement {
 public:
  explicit Statement(sqlite3_stmt* handle) : handle_(handle), slots_(sqlite3_bind_parameter_count(handle)) {
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      const char* name = sqlite3_bind_parameter_name(handle, static_cast<int>(i) + 1);
      CHECK(name != nullptr && name[0] == '$');
      std::size_t number = 0;
      std::from_chars(name + 1, name + std::strlen(name), number);
      CHECK(number > 0);
      slots_[i] = number - 1;
    }
  }
  Statement(const Statement&) = delete;
  ~Statement() { sqlite3_finalize(handle_); }

  sqlite3_stmt* handle() const { return handle_; }

  /// Whether the values live until Reset, or only until Bind returns and are copied.
  enum class Values { kOutliveReset, kAreCopied };
  Result<> Bind(std::span<const Value> values, Values lifetime) {
    CHECK(!sqlite3_stmt_busy(handle_));  // a cursor of this statement is still open
    for (std::size_t i = 0; i < slots_.size(); ++i) {
      CHECK(slots_[i] < values.size());
      TRY(BindOne(static_cast<int>(i) + 1, values[slots_[i]].variant(), lifetime));
    }
    return {};
  }
  void Reset() { sqlite3_reset(handle_); }

 private:
  Result<> BindOne(int index, const Value::Variant& value, Values lifetime) {
    const sqlite3_destructor_type keep = lifetime == Values::kAreCopied ? SQLITE_TRANSIENT : SQLITE_STATIC;
    int code = SQLITE_OK;
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
      code = sqlite3_bind_int64(handle_, index, *number);
    } else if (const auto* text = std::get_if<std::string_view>(&value)) {
      if (text->contains('\0')) return Fail(ErrorCode::kInternal, "a text with a NUL byte");  // as PostgreSQL
      code = sqlite3_bind_text64(handle_, index, text->data() ? text->data() : "", text->size(), keep,
                                 SQLITE_UTF8);
    } else if (const auto* bytes = std::get_if<Bytes>(&value)) {
      const void* data = bytes->data() ? static_cast<const void*>(bytes->data()) : "";
      code = sqlite3_bind_blob64(handle_, index, data, bytes->size(), keep);
    } else {
      code = sqlite3_bind_null(handle_, index);
    }
    if (code != SQLITE_OK) return Fail(Classify(sqlite3_db_handle(handle_), code));
    return {};
  }

  sqlite3_stmt* handle_;
  std::vector<std::size_t> slots_;
};

/// The file that says a writer is here. SQLite's own locks would let two writers take turns, which its log of
/// this version does not survive (design-storage 1.6), and which our caches would not notice.
Result<UniqueFd> LockForWriting(const std::string& database) {
  const std::string path = database + "-writer";
  UniqueFd lock(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock.valid())
    return Fail(ErrorCode::kStorageFault, fmt::format("cannot open {}: {}", path, std::strerror(errno)));
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) == 0) return lock;
  return Fail(ErrorCode::kConfiguration,
              fmt::format("the database {} is in use by another process: stop it first", database));
}

class SqliteConnection final : public Connection {
 public:
  explicit SqliteConnection(const SqliteOptions& options)
      : role_(options.role), read_limit_(options.read_limit) {}
  ~SqliteConnection() override {
    begin_.reset(), commit_.reset(), rollback_.reset();
    statements_.clear();
    CHECK(sqlite3_close(database_) == SQLITE_OK);
  }

  Result<> Open(const SqliteOptions& options);

  Result<std::int64_t> RunList(std::string_view sql, std::span<const Value> values) override;
  Result<Cursor> QueryList(std::string_view sql, std::span<const Value> values) override;
  Result<> RunScript(const std::string& script) override;
  bool locks_rows() const override { return false; }

  Result<> Begin() override;
  Result<> Commit() override;
  void Rollback() override;
  bool in_transaction() const override { return began_ && sqlite3_get_autocommit(database_) == 0; }
  bool sync_failed() const override { return sync_failed_; }
  Result<> TendLog(ReaderGate& gate) override;
  Result<> FoldLog() override { return Checkpoint(SQLITE_CHECKPOINT_TRUNCATE); }

 private:
  class Rows;

  Error Failure(int code);
  Result<> Configure();
  Result<> ProveLogMode();
  Result<std::unique_ptr<Statement>> Prepare(std::string_view sql);
  Result<Statement*> Find(std::string_view sql);
  Result<> Step(Statement& statement);
  Result<> Checkpoint(int mode);
  int ProgressReport() const { return std::chrono::steady_clock::now() > deadline_ ? 1 : 0; }

  const Role role_;
  const std::chrono::milliseconds read_limit_;
  UniqueFd writer_lock_;
  sqlite3* database_ = nullptr;
  StatementMap<std::unique_ptr<Statement>> statements_;
  std::unique_ptr<Statement> begin_, commit_, rollback_;
  std::chrono::steady_clock::time_point deadline_ = std::chrono::steady_clock::time_point::max();
  bool began_ = false;
  bool sync_failed_ = false;
  int log_pages_ = 0;  // in the log after the last commit
  int pages_at_last_checkpoint_ = 0;
};

/// Stands on its first row from the start, so that a statement runs, and fails, when it is asked to.
class SqliteConnection::Rows final : public Cursor::Rows {
 public:
  Rows(SqliteConnection& connection, Statement& statement) : connection_(connection), statement_(statement) {}
  Rows(const Rows&) = delete;
  ~Rows() override { statement_.Reset(); }

  Result<> Start() {
    more_ = TRY(Step());
    return {};
  }
  Result<bool> Next() override {
    if (at_start_)
      at_start_ = false;
    else if (more_)
      more_ = TRY(Step());
    return more_;
  }
  bool IsNull(int column) const override { return Type(column) == SQLITE_NULL; }
  std::int64_t Int(int column) const override {
    CHECK(Type(column) == SQLITE_INTEGER);
    return sqlite3_column_int64(statement_.handle(), column);
  }
  std::string_view Text(int column) const override {
    CHECK(Type(column) == SQLITE_TEXT);
    const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_.handle(), column));
    return {data, Size(column)};
  }
  Bytes Blob(int column) const override {
    CHECK(Type(column) == SQLITE_BLOB);
    return {static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_.handle(), column)), Size(column)};
  }

 private:
  Result<bool> Step() {
    const int code = sqlite3_step(statement_.handle());
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    return Fail(connection_.Failure(code));
  }
  int Type(int column) const {
    CHECK(more_ && !at_start_ && column < sqlite3_column_count(statement_.handle()));
    return sqlite3_column_type(statement_.handle(), column);
  }
  std::size_t Size(int column) const {
    return static_cast<std::size_t>(sqlite3_column_bytes(statement_.handle(), column));
  }

  SqliteConnection& connection_;
  Statement& statement_;
  bool at_start_ = true;
  bool more_ = false;
};

Error SqliteConnection::Failure(int code) {
  if (code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC) sync_failed_ = true;
  return Classify(database_, code);
}

Result<> SqliteConnection::Open(const SqliteOptions& options) {
  if (role_ == Role::kWriter) writer_lock_ = TRY(LockForWriting(options.path));
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
                    (role_ == Role::kWriter ? SQLITE_OPEN_CREATE : 0);
  const int code = sqlite3_open_v2(options.path.c_str(), &database_, flags,
                                   options.vfs.empty() ? nullptr : options.vfs.c_str());
  if (code != SQLITE_OK) return Fail(Failure(code));
  TRY(Configure());
  begin_ = TRY(Prepare(role_ == Role::kWriter ? "BEGIN IMMEDIATE" : "BEGIN"));
  commit_ = TRY(Prepare("COMMIT"));
  rollback_ = TRY(Prepare("ROLLBACK"));
  // After an unclean stop the log is folded into the file before the first commit (design-storage 1.6).
  if (role_ == Role::kWriter) TRY(FoldLog());
  return {};
}

Result<> SqliteConnection::Configure() {
  sqlite3_busy_timeout(database_, static_cast<int>(kBusyTimeout.count()));
  sqlite3_db_config(database_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  sqlite3_db_config(database_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  TRY(
      RunScript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;"
                "PRAGMA temp_store = MEMORY; PRAGMA foreign_keys = OFF; PRAGMA mmap_size = 0;"));
  TRY(ProveLogMode());
  if (role_ == Role::kReader) {
    sqlite3_progress_handler(
        database_, kProgressSteps,
        [](void* self) { return static_cast<SqliteConnection*>(self)->ProgressReport(); }, this);
    return RunScript("PRAGMA query_only = ON; PRAGMA cache_size = -8192;");
  }
  sqlite3_wal_hook(
      database_,
      [](void* self, sqlite3*, const char*, int pages) {
        static_cast<SqliteConnection*>(self)->log_pages_ = pages;
        return SQLITE_OK;
      },
      this);
  // No larger: SQLite 3.40 splits a page by way of one numbered past the end, and the commit after that looks
  // at every page in the cache for such ones.
  return RunScript("PRAGMA secure_delete = ON; PRAGMA cache_size = -8192;");
}

/// SQLite says nothing when a file system gives it no shared memory and it stays with its rollback journal.
Result<> SqliteConnection::ProveLogMode() {
  Cursor mode = TRY(Query("PRAGMA journal_mode"));
  if (TRY(mode.Next()) && mode.Text(0) == "wal") return {};
  return Fail(ErrorCode::kConfiguration,
              "the file system under the database cannot hold a write-ahead log: use a local disk");
}

Result<std::unique_ptr<Statement>> SqliteConnection::Prepare(std::string_view sql) {
  sqlite3_stmt* handle = nullptr;
  const int code = sqlite3_prepare_v3(database_, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &handle, nullptr);
  if (code != SQLITE_OK) return Fail(Failure(code));
  CHECK(handle != nullptr);
  return std::make_unique<Statement>(handle);
}

Result<Statement*> SqliteConnection::Find(std::string_view sql) {
  // Outside of the transaction that it believes to be in, a statement would commit on its own.
  if (began_ && !in_transaction()) return Fail(ErrorCode::kStorageFault, "the transaction was rolled back");
  if (const auto found = statements_.find(sql); found != statements_.end()) return found->second.get();
  auto statement = TRY(Prepare(sql));
  return statements_.emplace(sql, std::move(statement)).first->second.get();
}

Result<> SqliteConnection::Step(Statement& statement) {
  int code;
  do code = sqlite3_step(statement.handle());
  while (code == SQLITE_ROW);
  if (code == SQLITE_DONE) {
    statement.Reset();
    return {};
  }
  Error failure = Failure(code);
  statement.Reset();
  return Fail(std::move(failure));
}

Result<std::int64_t> SqliteConnection::RunList(std::string_view sql, std::span<const Value> values) {
  Statement& statement = *TRY(Find(sql));
  TRY(statement.Bind(values, Statement::Values::kOutliveReset));
  const std::int64_t before = sqlite3_total_changes64(database_);
  TRY(Step(statement));
  return sqlite3_total_changes64(database_) - before;
}

Result<Cursor> SqliteConnection::QueryList(std::string_view sql, std::span<const Value> values) {
  Statement& statement = *TRY(Find(sql));
  TRY(statement.Bind(values, Statement::Values::kAreCopied));  // the cursor outlives them
  auto rows = std::make_unique<Rows>(*this, statement);
  TRY(rows->Start());
  return Cursor(std::move(rows));
}

Result<> SqliteConnection::RunScript(const std::string& script) {
  const int code = sqlite3_exec(database_, script.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return Fail(Failure(code));
  return {};
}

Result<> SqliteConnection::Begin() {
  CHECK(!began_);
  if (role_ == Role::kReader) deadline_ = std::chrono::steady_clock::now() + read_limit_;
  TRY(Step(*begin_));
  began_ = true;
  return {};
}

Result<> SqliteConnection::Commit() {
  CHECK(began_);
  if (!in_transaction()) {
    began_ = false;
    return Fail(ErrorCode::kUnavailable, "the transaction was rolled back");
  }
  Result<> outcome = Step(*commit_);
  if (outcome) {
    began_ = false;
    return {};
  }
  // Without space no commit record was written whole; that and a lock not granted are all that is known to be
  // undone.
  const ErrorCode code = outcome.error().code();
  Rollback();
  const bool undone = sqlite3_get_autocommit(database_) != 0;
  if (undone && (code == ErrorCode::kStorageFull || code == ErrorCode::kUnavailable)) return outcome;
  return Fail(ErrorCode::kStorageFault, std::string(outcome.error().fact("detail")));
}

void SqliteConnection::Rollback() {
  CHECK(began_);
  if (in_transaction()) {
    if (const Result<> outcome = Step(*rollback_); !outcome)
      log::Warning("rollback failed", {{"error", outcome.error().ToString()}});
  }
  began_ = false;
}

Result<> SqliteConnection::Checkpoint(int mode) {
  int pages_in_log = 0, pages_moved = 0;
  const int code = sqlite3_wal_checkpoint_v2(database_, "main", mode, &pages_in_log, &pages_moved);
  if (code != SQLITE_OK) return Fail(Failure(code));
  pages_at_last_checkpoint_ = log_pages_;
  return {};
}

Result<> SqliteConnection::TendLog(ReaderGate& gate) {
  if (log_pages_ < pages_at_last_checkpoint_) pages_at_last_checkpoint_ = 0;  // the log began again
  if (log_pages_ - pages_at_last_checkpoint_ < kCheckpointPages) return {};
  if (log_pages_ < kRestartPages) return Checkpoint(SQLITE_CHECKPOINT_PASSIVE);
  // Overlapping reads, however short, would keep the log from ever beginning again.
  Result<> outcome = Checkpoint(SQLITE_CHECKPOINT_PASSIVE);
  if (outcome && gate.Close()) outcome = Checkpoint(SQLITE_CHECKPOINT_RESTART);
  gate.Open();
  return outcome;
}

}  // namespace

Result<std::unique_ptr<Connection>> OpenSqlite(const SqliteOptions& options) {
  static std::once_flag configured;
  std::call_once(configured,
                 [] { sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); });  // its counter is one lock for all
  auto connection = std::make_unique<SqliteConnection>(options);
  TRY(connection->Open(options));
  return connection;
}

}  // namespace entrepot::metadata::sql
