#pragma once

// The cycle of a connection: read a head, guard it, answer it now or have it handled, again.

#include <memory>

#include "base/fd.h"
#include "http/channel.h"
#include "http/tls.h"

namespace entrepot::http {

class Loop;

/// Begins to serve the connection, which ends by itself. On the loop's thread.
void ServeConnection(Loop& loop, UniqueFd socket, const Endpoint& peer,
                     const std::shared_ptr<TlsContext>& tls);

}  // namespace entrepot::http
