#pragma once

// The Authorization header of /v2/ requests: Basic, user AWS.

#include <string>
#include <string_view>

#include "base/result.h"

namespace entrepot::access {

/// The password. kRegistryTokenInvalid unless it is `Basic`, strict base64, exactly one colon and the user
/// AWS.
Result<std::string> ParseBasicPassword(std::string_view authorization);

}  // namespace entrepot::access
