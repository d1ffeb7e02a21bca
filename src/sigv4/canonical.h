#pragma once

// AWS Signature Version 4, the canonical request: the one text that signer and verifier must both arrive at.
// Rules: docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html. Pure.

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace entrepot::sigv4 {

struct Header {
  std::string_view name;  // any case
  std::string_view value;
};

/// What of a request a signature covers, as it stands on the wire. A view: the caller owns what it points to.
struct SignableRequest {
  std::string_view method;
  std::string_view path;   // up to '?', as sent
  std::string_view query;  // behind '?', as sent
  std::span<const Header> headers;

  /// The value of the first header of that name (any case), or nullptr.
  const std::string_view* Find(std::string_view name) const;
};

/// Every service but S3 removes dot segments and double slashes and encodes the path as sent once more; S3
/// signs the path as it stands.
enum class PathRule { kNormalized, kAsSent };

struct QueryParameter {
  std::string name, value;  // decoded
};
/// In the order sent. A '%' that begins no escape stands for itself, '+' too.
std::vector<QueryParameter> ParseQuery(std::string_view query);

/// Lower-case names, sorted, without repetition: the canonical order of SignedHeaders.
std::vector<std::string> HeaderNames(std::span<const Header> headers);
std::string JoinHeaderNames(std::span<const std::string> names);

/// `signed_headers` is in canonical order; `payload_hash` is lower-case hex. X-Amz-Signature is left out of
/// the query.
std::string CanonicalRequest(const SignableRequest& request, std::span<const std::string> signed_headers,
                             std::string_view payload_hash, PathRule rule);

}  // namespace entrepot::sigv4
