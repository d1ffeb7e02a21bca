#include "sigv4/sign.h"

#include "base/encoding.h"
#include "base/hasher.h"
#include "sigv4/signing_key.h"

namespace entrepot::sigv4 {
namespace {

Scope ScopeOf(const Signer& signer, Timestamp time) {
  return {ToBasicIso8601(time).substr(0, 8), std::string(signer.region), std::string(signer.service)};
}

std::string Credential(const Signer& signer, const Scope& scope) {
  return std::string(signer.access_key_id) + '/' + scope.ToString();
}

std::string SignatureOf(const SignableRequest& request, const std::vector<std::string>& signed_headers,
                        std::string_view payload_hash, const Signer& signer, const Scope& scope,
                        Timestamp time) {
  const std::string canonical = CanonicalRequest(request, signed_headers, payload_hash, signer.path_rule);
  return ComputeSignature(DeriveSigningKey(signer.secret_access_key, scope),
                          StringToSign(time, scope, canonical));
}

}  // namespace

OwnedHeaders SignHeaders(const SignableRequest& request, Bytes body, const Signer& signer, Timestamp time,
                         ContentHashHeader content_hash) {
  const std::string payload_hash = HexEncode(Sha256(body));
  OwnedHeaders added{{"X-Amz-Date", ToBasicIso8601(time)}};
  if (!signer.session_token.empty()) added.emplace_back("X-Amz-Security-Token", signer.session_token);
  if (content_hash == ContentHashHeader::kSent) added.emplace_back("X-Amz-Content-Sha256", payload_hash);

  std::vector<Header> headers(request.headers.begin(), request.headers.end());
  for (const auto& [name, value] : added) headers.push_back({name, value});
  const std::vector<std::string> names = HeaderNames(headers);
  const SignableRequest whole{request.method, request.path, request.query, headers};
  const Scope scope = ScopeOf(signer, time);

  std::string authorization(kAlgorithm);
  authorization.append(" Credential=").append(Credential(signer, scope));
  authorization.append(", SignedHeaders=").append(JoinHeaderNames(names));
  authorization.append(", Signature=").append(SignatureOf(whole, names, payload_hash, signer, scope, time));
  added.emplace_back("Authorization", std::move(authorization));
  return added;
}

std::string Presign(const SignableRequest& request, Bytes body, const Signer& signer, Timestamp time,
                    std::chrono::seconds valid_for) {
  const Scope scope = ScopeOf(signer, time);
  const std::vector<std::string> names = HeaderNames(request.headers);
  std::string query(request.query);
  const auto add = [&](std::string_view name, std::string_view value) {
    query.append(query.empty() ? "" : "&").append(name).append("=").append(PercentEncode(value));
  };
  add("X-Amz-Algorithm", kAlgorithm);
  add("X-Amz-Credential", Credential(signer, scope));
  add("X-Amz-Date", ToBasicIso8601(time));
  add("X-Amz-SignedHeaders", JoinHeaderNames(names));
  add("X-Amz-Expires", std::to_string(valid_for.count()));
  if (!signer.session_token.empty()) add("X-Amz-Security-Token", signer.session_token);
  const SignableRequest whole{request.method, request.path, query, request.headers};
  add("X-Amz-Signature", SignatureOf(whole, names, HexEncode(Sha256(body)), signer, scope, time));
  return query;
}

}  // namespace entrepot::sigv4
