#pragma once

#include <string_view>

#include "access/access.h"

namespace entrepot::access {

/// For what needs no leave of its own and that a policy may deny by name all the same: kAccessDenied only
/// then.
inline Result<> HeedDenial(Access& access, const Caller& caller, std::string_view action,
                           std::string_view resource, const RequestFacts& facts) {
  Result<> allowed = access.Authorize(caller, action, resource, facts);
  const bool lacks_leave = !allowed && allowed.error().code() == ErrorCode::kAccessDenied;
  if (lacks_leave && !IsDeniedByAPolicy(allowed.error())) return {};
  return allowed;
}

}  // namespace entrepot::access
