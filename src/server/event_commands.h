#pragma once

// What `entrepot events` asks for:
//
//   events status  {}                    -> of each receiver: what waits, what fails and why, what was given
//   up events dead    {"registry","after"}  -> a page of events that were given up; "registry" and "after"
//   for the
//                                           next while "more"
//   events retry   {}                    -> sends a slice of them again; "more" while there may be others
//   events drop    {}                    -> forgets a slice of them, in the same way

#include "server/admin_socket.h"
#include "server/storage.h"

namespace entrepot::server {

/// `storage` outlives the commands.
AdminCommands EventCommands(Storage& storage);

}  // namespace entrepot::server
