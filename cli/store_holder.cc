#include "cli/store_holder.h"

#include <ostream>

#include <fmt/format.h>

#include "server/credentials_file.h"

namespace entrepot::cli {

Result<StoreHolder> StoreHolder::Find(const Invocation& invocation, const Surroundings& surroundings) {
  const server::LoadedConfig loaded = TRY(server::LoadConfig(invocation.sources));
  const server::DataLayout layout(loaded.config.data_dir);
  TRY(server::ReadClientSettings(layout));  // refuses a directory that no server was ever started on
  if (server::LockHolder(layout)) return StoreHolder(layout.admin_socket());
  return StoreHolder(TRY(surroundings.open_storage(loaded.config)));
}

Result<boost::json::object> StoreHolder::Ask(std::string_view command,
                                             const boost::json::object& arguments) const {
  if (const auto* socket = std::get_if<std::filesystem::path>(&holder_))
    return server::AskServer(*socket, command, arguments);
  const auto& commands = std::get<server::AdminCommands>(holder_);
  return commands.at(std::string(command))(arguments);
}

ProgressLine::~ProgressLine() {
  if (shown_) surroundings_.error << "\r\x1b[K" << std::flush;
}

void ProgressLine::Show(std::string_view text) {
  if (!surroundings_.terminal) return;
  shown_ = true;
  surroundings_.error << fmt::format("\r\x1b[K{}", text) << std::flush;
}

}  // namespace entrepot::cli
