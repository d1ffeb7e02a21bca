#pragma once

// What `entrepot report unused` asks for, of what was neither pushed nor pulled for a number of days:
//
//   report repositories  {"days", "registry", "after"}  -> a page of all repositories with their activity and
//                                                          whether they are unused; "registry" and "after"
//                                                          for the next while "more"
//   report images        {"days", "registry", "repository", "pushed", "digest"}  -> a page of one
//   repository's
//                                                          unused images; "pushed" and "digest" likewise

#include "server/admin_socket.h"
#include "server/storage.h"

namespace entrepot::server {

/// `storage` outlives the commands. `flush` is called first: it brings the times of pulls up to date.
AdminCommands ReportCommands(Storage& storage, std::function<Result<>()> flush);

}  // namespace entrepot::server
