#pragma once

// From the words of a command line to one of the commands, and from its outcome to what a person reads and a
// script tests.

#include <string>
#include <vector>

#include "cli/commands.h"

namespace entrepot::cli {

/// `arguments` without the program's name. Returns the exit status.
int Run(const std::vector<std::string>& arguments, const Surroundings& surroundings);

}  // namespace entrepot::cli
