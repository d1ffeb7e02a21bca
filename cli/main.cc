// The program `entrepot`: its commands, joined to the server that wiring builds.

#include <iostream>

#include "cli/command_line.h"
#include "server/serve.h"

int main(int argc, char** argv) {
  const entrepot::cli::Surroundings surroundings{
      .out = std::cout,
      .error = std::cerr,
      .environment = entrepot::server::ProcessEnvironment(),
      .serve = entrepot::server::Serve,
      .reset_administrator_key = entrepot::server::ResetAdministratorKey,
  };
  return entrepot::cli::Run({argv + 1, argv + argc}, surroundings);
}
