#pragma once

// The schema's history: numbered scripts, each run once in a transaction of its own together with the row
// that says so, so that a crash leaves the schema of one number or the next.

#include <span>
#include <string_view>

#include "base/result.h"
#include "metadata/sql/connection.h"

namespace entrepot::metadata {

struct Migration {
  int number;             // from 1, without a gap
  std::string_view name;  // 0001_registry
  std::string_view script;
};

/// The files of migrations/, as the build embedded them.
std::span<const Migration> EmbeddedMigrations();

/// Runs what is missing. kConfiguration when the store was made by a newer release. Several nodes may do this
/// at once.
Result<> Migrate(sql::Connection& connection, std::span<const Migration> migrations);

}  // namespace entrepot::metadata
