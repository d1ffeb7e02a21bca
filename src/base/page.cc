#include "base/page.h"

#include "base/encoding.h"

namespace entrepot {

std::string PageTokens::Seal(std::string_view scope, std::string_view cursor) const {
  return Base64UrlEncode(SealBox(key_, AsBytes(scope), AsBytes(cursor)));
}

Result<std::string> PageTokens::Open(std::string_view scope, std::string_view token) const {
  const auto box = Base64UrlDecode(token);
  if (!box) return Fail(ErrorCode::kInvalidPageToken);
  const auto cursor = OpenBox(key_, AsBytes(scope), *box);
  if (!cursor) return Fail(ErrorCode::kInvalidPageToken);
  return std::string(AsText(*cursor));
}

}  // namespace entrepot
