#pragma once

// The inline path (design-storage 3.2): a pull whose every question memory can answer is answered on the
// event loop. Anything missing, refused or unusual goes the ordinary way, which gives the same answer.

#include "http/request.h"
#include "http/response.h"
#include "oci/call.h"
#include "oci/operations.h"

namespace entrepot::oci {

/// The operation that was answered, or nullptr when `response` was left alone. No lock held across I/O, no
/// file, no database.
const Operation* TryAnswerPull(const Rooms& rooms, const http::RequestHead& head, http::Response& response);

}  // namespace entrepot::oci
