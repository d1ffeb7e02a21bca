#pragma once

// A test seam: what SQLite was asked, and whether it can answer by an index. Cost that must follow changes,
// not what is stored, is held by it: tests ask for the plan of every statement that the work in question ran.
//
// One at a time; it sees every connection that is opened while it exists.

#include <set>
#include <string>
#include <vector>

namespace entrepot::metadata::sql {

class StatementTrace {
 public:
  StatementTrace();
  StatementTrace(const StatementTrace&) = delete;
  ~StatementTrace();

  /// Forgets what was run so far.
  void Clear();
  /// The distinct statements run since, without BEGIN and the like.
  std::set<std::string> statements() const;
};

/// The steps of the statement's plan on the database at `path`.
std::vector<std::string> PlanOf(const std::string& path, const std::string& statement);
/// The steps of the statement's plan on the database at `path` that walk a whole table or index.
std::vector<std::string> FullScans(const std::string& path, const std::string& statement);

}  // namespace entrepot::metadata::sql
