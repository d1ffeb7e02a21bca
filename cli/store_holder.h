#pragma once

// Commands on the store reach it through the server when one runs, since the store is its alone; else they
// open it themselves (design-storage 1.6).

#include <cstdint>
#include <string_view>
#include <variant>

#include <boost/json/object.hpp>

#include "cli/commands.h"

namespace entrepot::cli {

class StoreHolder {
 public:
  /// kConfiguration when no server was ever started on the data directory.
  static Result<StoreHolder> Find(const Invocation& invocation, const Surroundings& surroundings);

  bool is_server() const { return std::holds_alternative<std::filesystem::path>(holder_); }
  Result<boost::json::object> Ask(std::string_view command, const boost::json::object& arguments = {}) const;

 private:
  using Holder = std::variant<std::filesystem::path, server::AdminCommands>;
  explicit StoreHolder(Holder holder) : holder_(std::move(holder)) {}
  Holder holder_;  // the server's socket, or the commands themselves
};

/// Members that an answer has.
inline std::string_view Text(const boost::json::object& entry, std::string_view name) {
  return entry.at(name).as_string();
}
inline std::int64_t Number(const boost::json::object& entry, std::string_view name) {
  return entry.at(name).to_number<std::int64_t>();
}

/// One line that a person at a terminal sees renewed.
class ProgressLine {
 public:
  explicit ProgressLine(const Surroundings& surroundings) : surroundings_(surroundings) {}
  ProgressLine(const ProgressLine&) = delete;
  ~ProgressLine();
  void Show(std::string_view text);

 private:
  const Surroundings& surroundings_;
  bool shown_ = false;
};

}  // namespace entrepot::cli
