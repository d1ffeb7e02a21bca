#pragma once

// What a path under /v2/ names. Repository names contain slashes, so a path is read from its right end. Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/names.h"
#include "base/result.h"

namespace entrepot::oci {

enum class RouteKind : std::uint8_t {
  kRoot,      // /v2/
  kCatalog,   // /v2/_catalog
  kTags,      // /v2/<name>/tags/list
  kManifest,  // /v2/<name>/manifests/<tag or digest>
  kBlob,      // /v2/<name>/blobs/<digest>
  kUploads,   // /v2/<name>/blobs/uploads/
  kUpload,    // /v2/<name>/blobs/uploads/<id>
  kReferrers  // /v2/<name>/referrers/<digest>
};

/// A path taken apart and not judged: views into it.
struct PathParts {
  RouteKind kind = RouteKind::kRoot;
  std::string_view repository;
  std::string_view reference;  // tag, digest or upload id
};

/// Nothing when the path has the form of no route. `path` holds no percent-encoding.
std::optional<PathParts> SplitPath(std::string_view path);

/// A path in which every name is well formed.
struct Route {
  RouteKind kind = RouteKind::kRoot;
  std::optional<RepositoryName> repository;  // set but for kRoot and kCatalog
  std::optional<Digest> digest;              // kManifest (or the tag), kBlob, kReferrers
  std::optional<ImageTag> tag;
  std::string upload;  // kUpload: as sent
};

/// kMalformedRequest when two might read `path`, still percent-encoded, differently: a bad escape, an encoded
/// slash, backslash or NUL, a dot segment, an empty segment (design-access 12).
Result<> CheckSpelling(std::string_view path);

/// `path` is still percent-encoded.
///   kMalformedRequest  as CheckSpelling
///   kUnknownOperation  the form of no route
///   kInvalidParameter  a bad repository name or tag; kDigestInvalid
Result<Route> ParseRoute(std::string_view path);

}  // namespace entrepot::oci
