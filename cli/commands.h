#pragma once

// The commands: one function each, over a parsed command line.

#include <functional>
#include <iosfwd>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "access/access.h"
#include "base/result.h"
#include "server/admin_socket.h"
#include "server/config.h"
#include "server/data_directory.h"

namespace entrepot::cli {

/// What the program's exit status means; `entrepot --help` says the same.
enum ExitStatus { kSucceeded = 0, kFailed = 1, kWrongUsage = 2, kWrongConfiguration = 3 };

/// What surrounds a command; tests give their own.
struct Surroundings {
  std::ostream& out;
  std::ostream& error;
  server::Environment environment;
  std::function<Result<int>(const server::Config&)> serve;
  std::function<Result<access::AccessKey>(const server::Config&, const server::DataDirectory&)>
      reset_administrator_key;
  /// Opens the store of a configuration that no server serves.
  std::function<Result<server::AdminCommands>(const server::Config&)> open_storage;
  bool terminal = false;  // a person watches `error`: progress is shown there
};

/// A parsed command line.
struct Invocation {
  server::ConfigSources sources;
  bool json = false;
  bool print_config = false;
  std::map<std::string_view, std::string> switches;  // of the command's own, without dashes, and their values

  bool has(std::string_view name) const { return switches.contains(name); }
  /// "" when it was not given.
  std::string value(std::string_view name) const {
    const auto found = switches.find(name);
    return found == switches.end() ? "" : found->second;
  }
};

using CommandFunction = Result<int> (*)(const Invocation&, const Surroundings&);

Result<int> Serve(const Invocation&, const Surroundings&);
Result<int> Env(const Invocation&, const Surroundings&);
Result<int> ResetCredentials(const Invocation&, const Surroundings&);
Result<int> Version(const Invocation&, const Surroundings&);
Result<int> Doctor(const Invocation&, const Surroundings&);
Result<int> Gc(const Invocation&, const Surroundings&);
Result<int> Fsck(const Invocation&, const Surroundings&);
Result<int> Events(const Invocation&, const Surroundings&);
Result<int> ReportUnused(const Invocation&, const Surroundings&);
Result<int> Usage(const Invocation&, const Surroundings&);
Result<int> RotateRoot(const Invocation&, const Surroundings&);
Result<int> BashCompletion(const Invocation&, const Surroundings&);

/// A flag that only one command has.
struct Switch {
  std::string_view name;  // without dashes
  std::string_view doc;
  bool takes_value = false;
};

/// A command as it is typed, helped with and completed.
struct Command {
  std::string_view name;  // one word, or two: "credentials reset"
  std::string_view doc;
  CommandFunction run;
  enum class Takes { kNothing, kEverySetting, kDataDirectory } takes;
  bool json;          // has --json
  bool print_config;  // has --print-config
  std::span<const Switch> switches = {};
};
std::span<const Command> Commands();

/// Whether the command has a flag for the setting of that key.
bool TakesSetting(const Command& command, std::string_view key);

}  // namespace entrepot::cli
