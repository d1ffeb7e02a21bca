#pragma once

// The cycle of a connection: read a head, guard it, answer it now or have it handled, again.

#include <memory>

#include "base/fd.h"
#include "http/asio.h"
#include "http/request.h"
#include "http/tls.h"

namespace entrepot::http {

class Loop;

/// Serves the connection until it ends. On the loop's thread.
Awaitable<void> ServeConnection(Loop& loop, UniqueFd socket, Peer peer, std::shared_ptr<TlsContext> tls);

}  // namespace entrepot::http
