#pragma once

// A session with what only the store may do: begin and end transactions, lock the schema, look after the log.
// The two drivers make one (sqlite.h, postgres.h); everything above them is the same for both.

#include <type_traits>

#include "metadata/sql/session.h"

namespace entrepot::metadata::sql {

/// What a connection is opened for. A reader's transactions are snapshots that change nothing and end, at the
/// latest, at the time limit it was opened with; a writer's hold the right to write.
enum class Role { kReader, kWriter };

/// Keeps readers out while the log is reset (design-storage 1.6).
class ReaderGate {
 public:
  virtual ~ReaderGate() = default;
  /// Lets no read begin and waits until none is running; false when one ran past its limit.
  virtual bool Close() = 0;
  virtual void Open() = 0;
};

class Connection : public Session {
 public:
  /// Begins a transaction of the connection's role. A lost server is connected again here.
  virtual Result<> Begin() = 0;
  /// Success is durable. kStorageFault means that the outcome is unknown; after any other error nothing was
  /// committed. The transaction has ended in every case.
  virtual Result<> Commit() = 0;
  virtual void Rollback() = 0;
  /// False outside of Begin … Commit, and when the database rolled the transaction back of its own accord.
  virtual bool in_transaction() const = 0;

  /// True once a sync failed: what was written since the one before may be lost without a further sign, so
  /// nothing may be written through this connection again (design-storage 1.10).
  virtual bool sync_failed() const { return false; }

  /// In a write transaction: holds off other nodes that would bring the schema up to date.
  virtual Result<> LockSchema() { return {}; }
  /// Between transactions, after a commit: keeps the log short.
  virtual Result<> TendLog(ReaderGate&) { return {}; }
  /// Before the connection closes for good, when no other is open.
  virtual Result<> FoldLog() { return {}; }
};

/// Runs `body() -> Result<T>` between Begin and Commit; its error rolls back.
template <class Body>
auto RunInTransaction(Connection& connection, Body body) -> std::invoke_result_t<Body&> {
  TRY(connection.Begin());
  auto answer = body();
  if (answer)
    TRY(connection.Commit());
  else
    connection.Rollback();
  return answer;
}

}  // namespace entrepot::metadata::sql
