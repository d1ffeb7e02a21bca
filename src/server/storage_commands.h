#pragma once

// What `entrepot gc` and `entrepot fsck` ask for: of the running server through its admin socket, else of the
// store itself, opened for one command under the data directory's lock (design-storage 1.6).
//
//   gc preview   {}                        -> what a run to the end would free now
//   gc step      {}                        -> a bounded piece of the work, and what it freed; "more" while
//   there is more gc pause, gc resume, gc status  {}     -> the state of collection
//   fsck step    {"repair", "read_blobs", "restart"}  -> the next piece of the check, and what it found;
//   "done" at its end
//   keys rotate-root    {}                      -> rotate_root_command.h
//   events …            -> event_commands.h
//   report …            -> unused_report.h
//   usage registries    {}                      -> what each really holds
//   usage repositories  {"registry", "after"}   -> a page of them; "registry" and "after" for the next while
//   "more"

#include "server/admin_socket.h"
#include "server/config.h"
#include "server/storage.h"

namespace entrepot::server {

/// `storage` outlives the commands. `flush_pulls` brings the times of last pulls in the store up to date.
AdminCommands StorageCommands(Storage& storage, std::function<Result<>()> flush_pulls);

/// The same where no server runs; the commands hold what they opened. kConfiguration as for serving.
Result<AdminCommands> OpenStorage(const Config& config);

}  // namespace entrepot::server
