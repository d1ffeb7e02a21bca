#pragma once

// What tests of the database run on: directories and PostgreSQL schemas of their own, gone at the end.

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <stdlib.h>
#include <string>

#include <fmt/format.h>

#include "base/check.h"
#include "base/encoding.h"
#include "base/ids.h"
#include "metadata/sql/postgres.h"

namespace entrepot::metadata::sql {

class TestDirectory {
 public:
  TestDirectory() {
    std::string pattern = std::filesystem::temp_directory_path() / "entrepot-test-XXXXXX";
    CHECK(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  TestDirectory(const TestDirectory&) = delete;
  ~TestDirectory() { std::filesystem::remove_all(path_); }
  std::string File(std::string_view name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

/// The URL in ENTREPOT_TEST_POSTGRES (tools/with_postgres sets it), or "": then tests skip.
inline std::string TestPostgresUrl() {
  const char* url = std::getenv("ENTREPOT_TEST_POSTGRES");
  return url != nullptr ? url : "";
}
inline constexpr const char* kNoTestPostgres =
    "ENTREPOT_TEST_POSTGRES names no server: run under tools/with_postgres";

/// An empty schema on the test server.
class TestSchema {
 public:
  TestSchema() : name_("test_" + HexEncode(AsBytes(NewUuid())).substr(0, 24)) {
    Run("CREATE SCHEMA " + name_);
  }
  TestSchema(const TestSchema&) = delete;
  ~TestSchema() { Run("DROP SCHEMA " + name_ + " CASCADE"); }

  /// Connections made with it see this schema alone.
  std::string url() const {
    const std::string server = TestPostgresUrl();
    return fmt::format("{}{}options=-csearch_path%3D{}", server, server.contains('?') ? '&' : '?', name_);
  }
  /// On a connection of its own.
  void Run(const std::string& script) const {
    auto connection = OpenPostgres({.url = TestPostgresUrl()});
    CHECK(connection && (*connection)->RunScript(script));
  }

 private:
  const std::string name_;
};

}  // namespace entrepot::metadata::sql
