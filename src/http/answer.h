#pragma once

// An answer on its way to the client: head and body, from memory, from a file or from a source.

#include <string>

#include "http/channel.h"
#include "http/response.h"

namespace entrepot::http {

/// What the request says about its answer.
struct AnswerTo {
  bool head_request = false;  // the body is left out
  bool close = false;         // the connection ends behind it
};

/// Sends the whole answer. `scratch` is the request's memory for the head, and outlives the call. False = the
/// connection is of no more use, and where a body stopped in the middle it has been reset.
Awaitable<bool> SendAnswer(Channel& channel, std::string& scratch, Response& response, AnswerTo to);

}  // namespace entrepot::http
