#pragma once

// The PostgreSQL driver (libpq), for stores that several nodes share, and for whatever speaks its protocol. A
// server that is lost fails the transaction in progress with kStorageFault; the next transaction connects
// again.

#include <chrono>
#include <memory>
#include <string>

#include "metadata/sql/connection.h"

namespace entrepot::metadata::sql {

struct PostgresOptions {
  /// As libpq reads it; what it sets wins over what the driver would.
  std::string url;
  Role role = Role::kWriter;
  /// Has the store to itself, among those that ask for it: kConfiguration while another has.
  bool sole = false;
  /// How long a read transaction's statements may run, each.
  std::chrono::milliseconds read_limit{5000};
};

Result<std::unique_ptr<Connection>> OpenPostgres(const PostgresOptions& options);

}  // namespace entrepot::metadata::sql
