#pragma once

// `entrepot credentials reset`: the way back in for an administrator who lost the key. A running server does
// it through its admin socket, else the command does it itself.

#include <functional>
#include <string_view>

#include <boost/json/object.hpp>

#include "access/access.h"
#include "server/data_directory.h"

namespace entrepot::server {

/// The name of the admin socket's command; it takes no arguments.
inline constexpr std::string_view kResetCredentialsCommand = "credentials reset";

/// Makes a new key by `reset` and writes it into the directory's credentials file. Answers {"access_key_id":
/// …, "credentials": <the file>}: the secret is only in the file.
Result<boost::json::object> ResetCredentials(const DataLayout& layout,
                                             const std::function<Result<access::AccessKey>()>& reset);

}  // namespace entrepot::server
