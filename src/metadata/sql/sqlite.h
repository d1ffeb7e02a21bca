#pragma once

// The SQLite driver. One process writes a database file through one writer connection; readers of the same
// process see snapshots through their own. Rules of the write-ahead log: design-storage 1.6.

#include <chrono>
#include <memory>
#include <string>

#include "metadata/sql/connection.h"

namespace entrepot::metadata::sql {

struct SqliteOptions {
  std::string path;
  Role role = Role::kWriter;
  /// How long a read transaction may run statements; then they fail with kUnavailable.
  std::chrono::milliseconds read_limit{5000};
  /// The VFS to use; "" = the default.
  std::string vfs;
};

/// Opens a connection; a writer creates the file where it is missing, folds what an unclean stop left in the
/// log into the file, and refuses with kConfiguration while another writer, of any process, has the file
/// open.
Result<std::unique_ptr<Connection>> OpenSqlite(const SqliteOptions& options);

}  // namespace entrepot::metadata::sql
