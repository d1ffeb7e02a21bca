// The program `entrepot`: its commands, joined to the server that wiring builds.

#include <iostream>
#include <unistd.h>

#include "base/core_files.h"
#include "cli/command_line.h"
#include "server/serve.h"
#include "server/storage_commands.h"

int main(int argc, char** argv) {
  entrepot::ForbidCoreFiles();  // commands open the store too
  const entrepot::cli::Surroundings surroundings{
      .out = std::cout,
      .error = std::cerr,
      .environment = entrepot::server::ProcessEnvironment(),
      .serve = entrepot::server::Serve,
      .reset_administrator_key = entrepot::server::ResetAdministratorKey,
      .open_storage = entrepot::server::OpenStorage,
      .terminal = ::isatty(STDERR_FILENO) == 1,
  };
  return entrepot::cli::Run({argv + 1, argv + argc}, surroundings);
}
