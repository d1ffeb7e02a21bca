#pragma once

// What a request says beside its path, checked: query parameters and Content-Range. Pure.

#include <optional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/names.h"
#include "base/result.h"
#include "http/range.h"
#include "http/request.h"
#include "oci/routes.h"

namespace entrepot::oci {

/// Entries of a list page when the client names no number, and the most it gets.
inline constexpr int kMaxPage = 1000;

struct Parameters {
  std::optional<Digest> digest;        // uploads: of the finished layer
  std::optional<Digest> mount;         // uploads: the layer to mount; nothing when `from` cannot be a name
  std::optional<RepositoryName> from;  // …and where from; nothing = from anywhere
  HashAlgorithm algorithm = HashAlgorithm::kSha256;  // uploads: of the digest that is to come
  std::string state;                                 // an upload's sealed Location state
  std::optional<http::ByteRange> content_range;      // uploads
  std::vector<ImageTag> tags;                        // a manifest's PUT by digest: to put on it as well
  int limit = kMaxPage;                              // lists: 0 to kMaxPage
  std::string last;                                  // lists: the entry before the page
  std::vector<std::string> artifact_types;           // referrers: only these; every one when empty
};

/// Reads what `route` with `method` uses.
///   kDigestInvalid       a bad digest or algorithm, or none where an upload is to be closed
///   kUploadRangeInvalid  a Content-Range of another form, or of another length than the body
///   kInvalidParameter    n; a tag that may be read but not made (OCI allows 128 characters, ECR 300)
///   kInvalidPageToken    `last` of a list of referrers that is no digest
Result<Parameters> ReadParameters(const Route& route, const http::RequestHead& head);

/// As ECR, which knows no other: kDigestInvalid unless every digest of the request is a sha256.
Result<> RequireSha256(const Route& route, const Parameters& parameters);

}  // namespace entrepot::oci
