#include "access/basic_credentials.h"

#include "base/encoding.h"
#include "http/request.h"

namespace entrepot::access {

Result<std::string> ParseBasicPassword(std::string_view authorization) {
  constexpr std::string_view kScheme = "Basic", kUser = "AWS:";
  const std::size_t blank = authorization.find(' ');
  const std::size_t token = authorization.find_first_not_of(' ', blank);
  if (blank == authorization.npos || token == authorization.npos ||
      !http::EqualsIgnoreCase(authorization.substr(0, blank), kScheme))
    return Fail(ErrorCode::kRegistryTokenInvalid);
  const auto decoded = Base64Decode(authorization.substr(token));
  if (!decoded) return Fail(ErrorCode::kRegistryTokenInvalid);
  const std::string_view text = AsText(*decoded);
  if (!text.starts_with(kUser) || text.find(':', kUser.size()) != text.npos)
    return Fail(ErrorCode::kRegistryTokenInvalid);
  return std::string(text.substr(kUser.size()));
}

}  // namespace entrepot::access
