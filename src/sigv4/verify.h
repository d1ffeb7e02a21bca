#pragma once

// Verifying a signed request, in steps that the caller orders: take the signature apart, check what it claims
// to be for and when, and, once the claimed key's secret is at hand, the signature itself. Pure; the texts
// are AWS's own (ecr-semantics 2.4).

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/crypto.h"
#include "base/result.h"
#include "sigv4/canonical.h"
#include "sigv4/signing_key.h"

namespace entrepot::sigv4 {

/// How far clocks may differ.
inline constexpr std::chrono::minutes kClockSkew{5};

enum class Form { kHeader, kQuery };

/// A signature as sent: well formed, nothing of it proven.
struct Claim {
  Form form = Form::kHeader;
  std::string access_key_id;
  Scope scope;
  std::string terminator;
  std::vector<std::string> signed_headers;  // canonical order
  std::string signature;
  Timestamp time;
  std::chrono::seconds valid_for{0};  // of the query form; 1 s to 7 days
  std::string session_token;          // "" when none was sent
};

/// kMissingAuthentication when the request carries no signature of either form, kIncompleteSignature with
/// AWS's sentences when it carries half of one. An Authorization header wins over the query.
Result<Claim> ParseClaim(const SignableRequest& request);

/// kCredentialScope with the sentence of every part that is wrong, one after another.
Result<> CheckScope(const Claim& claim, std::string_view service,
                    const std::function<bool(std::string_view region)>& region_is_served);

/// kSignatureExpired or kSignatureNotYetCurrent.
Result<> CheckTime(const Claim& claim, Timestamp now);

/// kIncompleteSignature unless Host and every X-Amz-* header that was sent are signed. X-Amz-Security-Token
/// is exempt: some signers add it afterwards, and a token that does not belong to the key fails by itself.
Result<> CheckSignedHeaders(const SignableRequest& request, const Claim& claim);

/// kSignatureMismatch unless `signing_key` signed this request with a body of that hash.
/// X-Amz-Content-Sha256, when sent, must be the body's: UNSIGNED-PAYLOAD and streaming forms are refused.
/// Constant time in the signature.
Result<> CheckSignature(const SignableRequest& request, const Claim& claim, const SecretKey& signing_key,
                        std::string_view body_hash, PathRule rule = PathRule::kNormalized);

}  // namespace entrepot::sigv4
