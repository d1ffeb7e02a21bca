#include "sigv4/signing_key.h"

#include "base/encoding.h"
#include "base/hasher.h"

namespace entrepot::sigv4 {

std::string Scope::ToString() const {
  std::string text;
  text.append(date).append("/").append(region).append("/").append(service).append("/").append(kTerminator);
  return text;
}

SecretKey DeriveSigningKey(std::string_view secret_access_key, const Scope& scope) {
  std::string secret = "AWS4";
  secret += secret_access_key;
  SecretKey key = SecretKey::From(HmacSha256(AsBytes(secret), AsBytes(scope.date)));
  Wipe({reinterpret_cast<std::uint8_t*>(secret.data()), secret.size()});
  for (const std::string_view part :
       {std::string_view(scope.region), std::string_view(scope.service), kTerminator})
    key = SecretKey::From(HmacSha256(key.bytes(), AsBytes(part)));
  return key;
}

std::string StringToSign(Timestamp time, const Scope& scope, std::string_view canonical_request) {
  std::string text(kAlgorithm);
  text.append("\n").append(ToBasicIso8601(time));
  text.append("\n").append(scope.ToString());
  text.append("\n").append(HexEncode(Sha256(AsBytes(canonical_request))));
  return text;
}

std::string ComputeSignature(const SecretKey& signing_key, std::string_view string_to_sign) {
  return HexEncode(HmacSha256(signing_key.bytes(), AsBytes(string_to_sign)));
}

}  // namespace entrepot::sigv4
