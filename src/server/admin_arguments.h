#pragma once

// The arguments of commands that come by the admin socket; what is absent is 0 or false.

#include <boost/json/object.hpp>

#include "base/result.h"

namespace entrepot::server {

/// kMalformedRequest when the argument is of another type.
Result<bool> Truth(const boost::json::object& arguments, std::string_view name);
Result<std::int64_t> Number(const boost::json::object& arguments, std::string_view name);

}  // namespace entrepot::server
