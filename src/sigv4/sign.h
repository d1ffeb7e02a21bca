#pragma once

// Signing requests of our own: for clients of other registries' services, and for tests.

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "sigv4/canonical.h"

namespace entrepot::sigv4 {

struct Signer {
  std::string_view access_key_id, secret_access_key;
  std::string_view session_token;  // "" for a long-term key
  std::string_view region, service;
  PathRule path_rule = PathRule::kNormalized;
};

using OwnedHeaders = std::vector<std::pair<std::string, std::string>>;

/// Whether the body's hash is also sent, as X-Amz-Content-Sha256 (S3 demands it).
enum class ContentHashHeader { kLeftOut, kSent };

/// The headers to add to `request`, Authorization last. All headers of `request` are signed; it must have
/// Host.
OwnedHeaders SignHeaders(const SignableRequest& request, Bytes body, const Signer& signer, Timestamp time,
                         ContentHashHeader content_hash = ContentHashHeader::kLeftOut);

/// The whole query of a presigned URL for `request`: its own parameters and those of the signature.
std::string Presign(const SignableRequest& request, Bytes body, const Signer& signer, Timestamp time,
                    std::chrono::seconds valid_for);

}  // namespace entrepot::sigv4
