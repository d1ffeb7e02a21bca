#pragma once

// From a request and its caller to the condition keys that policies ask for.

#include <string_view>

#include "access/access.h"
#include "access/context.h"

namespace entrepot::access {

Context ContextOf(const Caller& caller, const RequestFacts& facts);

/// Whether ContextOf knows the key (lower case) from the caller and the connection alone, so that no
/// operation can add to it.
bool IsConnectionKey(std::string_view key);

}  // namespace entrepot::access
