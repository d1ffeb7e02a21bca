#include "services/ecr/naming.h"

#include "base/crypto.h"

namespace entrepot::ecr {

RegistryName RegistryOf(const aws::CallContext& call, const std::optional<std::string>& registry_id) {
  return {registry_id ? AccountId::Trusted(*registry_id) : call.account, call.region};
}

std::string RegistryHost(const Ecr& ecr, const aws::CallContext& call, const RegistryName& registry) {
  if (ecr.domain.empty()) return call.host;
  return registry.account.str() + ".dkr.ecr." + registry.region.str() + "." + ecr.domain + ecr.domain_port;
}

std::unexpected<Error> InvalidParameter(std::string parameter, std::string constraint) {
  return Fail(Error(ErrorCode::kInvalidParameter)
                  .With("parameter", std::move(parameter))
                  .With("constraint", std::move(constraint)));
}

Result<Digest> ReadDigest(std::string_view parameter, std::string_view text) {
  const Result<Digest> digest = Digest::Parse(text);
  if (digest) return *digest;
  return InvalidParameter(std::string(parameter),
                          "must satisfy regular expression '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'");
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
