#include "services/ecr/naming.h"

#include <fmt/format.h>

#include "base/crypto.h"

namespace entrepot::ecr {
namespace {

bool MatchesDigestExpression(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdefABCDEF";
  constexpr std::string_view kAlgorithm =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_+.";
  const std::size_t colon = text.find(':');
  return colon != text.npos && colon > 0 && colon + 1 < text.size() &&
         text.substr(0, colon).find_first_not_of(kAlgorithm) == text.npos &&
         text.substr(colon + 1).find_first_not_of(kHex) == text.npos;
}

/// ":5000", or "": the port that this caller reaches us at, which a proxy or a port mapping may have changed.
std::string_view PortOf(std::string_view host) {
  const std::size_t colon = host.rfind(':');
  return colon == host.npos || host.ends_with(']') ? std::string_view() : host.substr(colon);
}

}  // namespace

RegistryName RegistryOf(const aws::CallContext& call, const std::optional<std::string>& registry_id) {
  return {registry_id ? AccountId::Trusted(*registry_id) : call.account, call.region};
}

std::string RegistryHost(const Ecr& ecr, const aws::CallContext& call, const RegistryName& registry) {
  if (ecr.domain.empty()) return call.host;
  return registry.account.str() + ".dkr.ecr." + registry.region.str() + "." + ecr.domain +
         std::string(PortOf(call.host));
}

std::unexpected<Error> InvalidParameter(std::string parameter, std::string constraint) {
  return Fail(Error(ErrorCode::kInvalidParameter)
                  .With("parameter", std::move(parameter))
                  .With("constraint", std::move(constraint)));
}

Result<std::optional<Digest>> ReadDigest(std::string_view parameter, std::string_view text) {
  if (const Result<Digest> digest = Digest::Parse(text)) return *digest;
  if (MatchesDigestExpression(text)) return std::nullopt;
  return InvalidParameter(std::string(parameter),
                          fmt::format("must satisfy regular expression '{}'", kDigestExpression));
}

std::string SealNextToken(Ecr& ecr, std::string_view list, std::string_view cursor) {
  const ByteVector text = Framed({AsBytes(list), AsBytes(cursor)});
  return ecr.access.Seal("page", AsText(text));
}

Result<std::string> OpenNextToken(Ecr& ecr, std::string_view list, const std::optional<std::string>& token) {
  if (!token) return "";
  const std::optional<std::string> text = ecr.access.Open("page", *token);
  const ByteVector head = Framed({AsBytes(list)});
  if (!text || !text->starts_with(AsText(head))) return Fail(ErrorCode::kInvalidPageToken);
  return text->substr(head.size() + 4);  // behind the cursor's length
}

}  // namespace entrepot::ecr
