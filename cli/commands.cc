#include "cli/commands.h"

#include <ostream>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "server/admin_socket.h"
#include "server/credentials_file.h"
#include "server/reset_credentials.h"

namespace entrepot::cli {
namespace {

using Takes = Command::Takes;

constexpr Switch kGcSwitches[] = {
    {"dry-run", "say what would be freed, and free nothing"},
    {"pause", "let a running server collect nothing until --resume or its end"},
    {"resume", "end a pause"},
    {"status", "say how collection stands"},
};

constexpr Switch kFsckSwitches[] = {
    {"repair", "mend what can be mended; damaged blobs are set aside, never deleted"},
    {"read-blobs", "read every blob and compare its digest"},
    {"restart", "begin anew instead of going on with an interrupted check"},
};

constexpr Switch kEventsSwitches[] = {
    {"dead", "show the events that were given up"},
    {"retry", "send the events that were given up once more"},
    {"drop", "forget the events that were given up"},
};

constexpr Switch kReportSwitches[] = {
    {"days", "unused for so many days (default 30)", /*takes_value=*/true},
};

constexpr Switch kUsageSwitches[] = {
    {"repository", "of the repositories of that name, and of each of their images", /*takes_value=*/true},
};

constexpr Command kCommands[] = {
    {"serve", "start the registry in the foreground; Ctrl-C or SIGTERM stops it", Serve, Takes::kEverySetting,
     false, true},
    {"env", "print lines for a shell: eval \"$(entrepot env)\"", Env, Takes::kDataDirectory, true, false},
    {"credentials reset", "give the administrator a new access key in place of the old one", ResetCredentials,
     Takes::kDataDirectory, true, false},
    {"doctor", "check the set-up and say what is wrong and how to mend it", Doctor, Takes::kDataDirectory,
     true, false},
    {"gc", "free now what nothing holds any more (a running server does so by itself)", Gc,
     Takes::kDataDirectory, true, false, kGcSwitches},
    {"fsck", "check that database and blobs agree; an interrupted check goes on where it was", Fsck,
     Takes::kDataDirectory, true, false, kFsckSwitches},
    {"events", "say which events wait for their receivers, and which were given up", Events,
     Takes::kDataDirectory, true, false, kEventsSwitches},
    {"report unused", "list what nobody pushed or pulled for a while, and what its end would free",
     ReportUnused, Takes::kDataDirectory, true, false, kReportSwitches},
    {"usage", "say what is stored, by registry and repository, or by image", Usage, Takes::kDataDirectory,
     true, false, kUsageSwitches},
    {"keys rotate-root", "put a new root key in place of the old one, whose file is removed", RotateRoot,
     Takes::kDataDirectory, true, false},
    {"version", "print the version", Version, Takes::kNothing, true, false},
    {"completion bash", "print a completion script: source <(entrepot completion bash)", BashCompletion,
     Takes::kNothing, false, false},
};

void PrintJson(std::ostream& out, const boost::json::object& object) {
  out << boost::json::serialize(object) << '\n';
}

// Through the server when one runs, since the store is its alone; else by opening the store.
Result<boost::json::object> ResetThroughWhoeverHoldsTheStore(const server::Config& config,
                                                             const Surroundings& surroundings) {
  const server::DataLayout layout(config.data_dir);
  TRY(server::ReadClientSettings(layout));  // refuses a directory that no server was ever started on
  if (server::LockHolder(layout))
    return server::AskServer(layout.admin_socket(), server::kResetCredentialsCommand);
  const server::DataDirectory directory = TRY(server::DataDirectory::Open(config));
  return server::ResetCredentials(layout,
                                  [&] { return surroundings.reset_administrator_key(config, directory); });
}

}  // namespace

std::span<const Command> Commands() { return kCommands; }

bool TakesSetting(const Command& command, std::string_view key) {
  return command.takes == Takes::kEverySetting ||
         (command.takes == Takes::kDataDirectory && key == "data_dir");
}

Result<int> Serve(const Invocation& invocation, const Surroundings& surroundings) {
  const server::LoadedConfig loaded = TRY(server::LoadConfig(invocation.sources));
  if (!invocation.print_config) return surroundings.serve(loaded.config);
  surroundings.out << server::PrintConfig(loaded);
  return kSucceeded;
}

Result<int> Env(const Invocation& invocation, const Surroundings& surroundings) {
  const server::LoadedConfig loaded = TRY(server::LoadConfig(invocation.sources));
  const server::DataLayout layout(loaded.config.data_dir);
  const access::AccessKey key = TRY(server::ReadCredentials(layout));
  const server::ClientSettings settings = TRY(server::ReadClientSettings(layout));
  if (!server::LockHolder(layout))
    surroundings.error << fmt::format("entrepot: no server runs on {} now\n", layout.root().string());
  if (!invocation.json) {
    surroundings.out << server::ShellEnvironment(key, settings);
    return kSucceeded;
  }
  boost::json::object object{{"endpoint_url", settings.endpoint_url},
                             {"region", settings.region},
                             {"access_key_id", key.id},
                             {"secret_access_key", key.secret}};
  if (!settings.ca_bundle.empty()) object["ca_bundle"] = settings.ca_bundle;
  PrintJson(surroundings.out, object);
  return kSucceeded;
}

Result<int> ResetCredentials(const Invocation& invocation, const Surroundings& surroundings) {
  const server::LoadedConfig loaded = TRY(server::LoadConfig(invocation.sources));
  const boost::json::object answer = TRY(ResetThroughWhoeverHoldsTheStore(loaded.config, surroundings));
  if (invocation.json) {
    PrintJson(surroundings.out, answer);
  } else {
    surroundings.out << fmt::format(
        "The administrator's new key is {}; the old one is no longer good.\nCredentials: {}\n",
        std::string_view(answer.at("access_key_id").as_string()),
        std::string_view(answer.at("credentials").as_string()));
  }
  return kSucceeded;
}

Result<int> Version(const Invocation& invocation, const Surroundings& surroundings) {
  if (invocation.json)
    PrintJson(surroundings.out, {{"version", ENTREPOT_VERSION}});
  else
    surroundings.out << "entrepot " ENTREPOT_VERSION "\n";
  return kSucceeded;
}

}  // namespace entrepot::cli
