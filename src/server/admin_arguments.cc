#include "server/admin_arguments.h"

#include <boost/json/value.hpp>

namespace entrepot::server {

Result<bool> Truth(const boost::json::object& arguments, std::string_view name) {
  const boost::json::value* value = arguments.if_contains(name);
  if (value == nullptr) return false;
  if (!value->is_bool()) return Fail(ErrorCode::kMalformedRequest, std::string(name) + " is no truth value");
  return value->get_bool();
}

Result<std::int64_t> Number(const boost::json::object& arguments, std::string_view name) {
  const boost::json::value* value = arguments.if_contains(name);
  if (value == nullptr) return 0;
  if (!value->is_int64()) return Fail(ErrorCode::kMalformedRequest, std::string(name) + " is no number");
  return value->get_int64();
}

}  // namespace entrepot::server
