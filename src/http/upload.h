#pragma once

// A request's body on its way into a BodySink, in blocks of the global budget.

#include "http/body.h"
#include "http/channel.h"
#include "http/request_body.h"

namespace entrepot::http {

enum class UploadEnd {
  kComplete,
  kFailed,     // the sink said so: its Finish has the answer
  kClosed,     // the client has gone, or was too slow: Abort
  kMalformed,  // Abort
};

/// Receives until the body has ended, the sink has failed or the client has gone. Returns when every block
/// has been destroyed, unless the sink finishes ahead.
Awaitable<UploadEnd> StreamBody(Channel& channel, RequestBody& body, BodySink& sink);

}  // namespace entrepot::http
