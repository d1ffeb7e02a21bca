#pragma once

// From a secret access key to a signature: the key of one day, region and service, and the text that it
// signs.

#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/crypto.h"

namespace entrepot::sigv4 {

inline constexpr std::string_view kAlgorithm = "AWS4-HMAC-SHA256";
inline constexpr std::string_view kTerminator = "aws4_request";

/// What a derived key is good for.
struct Scope {
  std::string date;  // YYYYMMDD
  std::string region, service;

  /// 20150830/us-east-1/ecr/aws4_request
  std::string ToString() const;
};

/// Depends on nothing but the secret and the scope, so it may be kept for the day.
SecretKey DeriveSigningKey(std::string_view secret_access_key, const Scope& scope);

std::string StringToSign(Timestamp time, const Scope& scope, std::string_view canonical_request);

/// Lower-case hex.
std::string ComputeSignature(const SecretKey& signing_key, std::string_view string_to_sign);

}  // namespace entrepot::sigv4
