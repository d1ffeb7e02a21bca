#pragma once

// The two entries of the server that the command line calls; wiring gives them.

#include "access/access.h"
#include "base/result.h"
#include "server/config.h"
#include "server/data_directory.h"

namespace entrepot::server {

/// Runs a server until SIGINT or SIGTERM, and returns the process's exit status. An error is for the person
/// who started it: kConfiguration is what they must mend.
Result<int> Serve(const Config& config);

/// Gives the administrator a new key, in place of every old one, in a data directory that no server holds.
/// Writes no credentials file.
Result<access::AccessKey> ResetAdministratorKey(const Config& config, const DataDirectory& directory);

}  // namespace entrepot::server
