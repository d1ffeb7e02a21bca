#pragma once

// `entrepot keys rotate-root`, asked of a server through its admin socket, or run where none serves.

#include <boost/json/object.hpp>

#include "server/data_directory.h"
#include "server/wiring.h"

namespace entrepot::server {

/// {} -> {"root_key": "<id>", "sealed_anew": 7, "directory": "…/keys"}
inline constexpr std::string_view kRotateRootCommand = "keys rotate-root";
Result<boost::json::object> RotateRoot(const DataLayout& layout, Foundation& foundation);

}  // namespace entrepot::server
