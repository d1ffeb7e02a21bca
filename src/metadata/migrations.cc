#include "metadata/migrations.h"

#include <fmt/format.h>

#include "base/log.h"

namespace entrepot::metadata {
namespace {

Result<int> CurrentNumber(sql::Connection& connection) {
  TRY(connection.RunScript(
      "CREATE TABLE IF NOT EXISTS schema_migrations (number BIGINT PRIMARY KEY, name TEXT NOT NULL);"));
  sql::Cursor row =
      TRY(connection.Query("SELECT CAST(COALESCE(MAX(number), 0) AS BIGINT) FROM schema_migrations"));
  TRY(row.Next());
  return static_cast<int>(row.Int(0));
}

/// One step, inside a transaction: true while there may be another.
Result<bool> RunNext(sql::Connection& connection, std::span<const Migration> migrations) {
  TRY(connection.LockSchema());
  const int current = TRY(CurrentNumber(connection));
  const int known = static_cast<int>(migrations.size());
  if (current > known) {
    return Fail(
        ErrorCode::kConfiguration,
        fmt::format(
            "the store has schema {}, and this release knows schemas up to {}: a newer release wrote it. "
            "Run that release or a later one, or restore a backup made before it",
            current, known));
  }
  if (current == known) return false;
  const Migration& next = migrations[static_cast<std::size_t>(current)];
  TRY(connection.RunScript(std::string(next.script)));
  TRY(connection.Run("INSERT INTO schema_migrations (number, name) VALUES ($1, $2)", next.number, next.name));
  log::Info("migrated the store", {{"schema", next.name}});
  return true;
}

}  // namespace

Result<> Migrate(sql::Connection& connection, std::span<const Migration> migrations) {
  while (TRY(sql::RunInTransaction(connection, [&] { return RunNext(connection, migrations); }))) {
  }
  return {};
}

}  // namespace entrepot::metadata
