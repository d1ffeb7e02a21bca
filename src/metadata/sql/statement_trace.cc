#include "metadata/sql/statement_trace.h"

#include <mutex>

#include <sqlite3.h>

#include "base/check.h"

namespace entrepot::metadata::sql {
namespace {

std::mutex mutex;
std::set<std::string> seen;

int Note(unsigned, void*, void* statement, void*) {
  const char* text = sqlite3_sql(static_cast<sqlite3_stmt*>(statement));
  const std::string words = text == nullptr ? "" : text;
  for (const char* verb : {"SELECT", "INSERT", "UPDATE", "DELETE"})
    if (words.starts_with(verb)) {
      const std::lock_guard lock(mutex);
      seen.insert(words);
    }
  return 0;
}

int TraceConnection(sqlite3* database, char**, const sqlite3_api_routines*) {
  return sqlite3_trace_v2(database, SQLITE_TRACE_STMT, Note, nullptr);
}

// As sqlite3_auto_extension declares it, for every kind of extension.
auto* Extension() { return reinterpret_cast<void (*)()>(TraceConnection); }

}  // namespace

StatementTrace::StatementTrace() {
  Clear();
  CHECK(sqlite3_auto_extension(Extension()) == SQLITE_OK);
}

StatementTrace::~StatementTrace() { sqlite3_cancel_auto_extension(Extension()); }

void StatementTrace::Clear() {
  const std::lock_guard lock(mutex);
  seen.clear();
}

std::set<std::string> StatementTrace::statements() const {
  const std::lock_guard lock(mutex);
  return seen;
}

std::vector<std::string> PlanOf(const std::string& path, const std::string& statement) {
  sqlite3* database = nullptr;
  CHECK(sqlite3_open_v2(path.c_str(), &database, SQLITE_OPEN_READONLY, nullptr) == SQLITE_OK);
  sqlite3_stmt* plan = nullptr;
  CHECK(sqlite3_prepare_v2(database, ("EXPLAIN QUERY PLAN " + statement).c_str(), -1, &plan, nullptr) ==
        SQLITE_OK);
  std::vector<std::string> steps;
  while (sqlite3_step(plan) == SQLITE_ROW)
    steps.emplace_back(reinterpret_cast<const char*>(sqlite3_column_text(plan, 3)));
  sqlite3_finalize(plan);
  sqlite3_close(database);
  return steps;
}

std::vector<std::string> FullScans(const std::string& path, const std::string& statement) {
  std::vector<std::string> scans = PlanOf(path, statement);
  std::erase_if(scans, [](const std::string& step) {
    return !step.starts_with("SCAN") || step == "SCAN CONSTANT ROW";
  });
  return scans;
}

}  // namespace entrepot::metadata::sql
