#include "oci/routes.h"

#include <algorithm>

#include "base/encoding.h"

namespace entrepot::oci {
namespace {

constexpr std::string_view kPrefix = "/v2/";

/// Takes the last segment off `rest`; what is left ends before its slash. Nothing is left of a single
/// segment.
std::string_view CutLastSegment(std::string_view& rest) {
  const std::size_t slash = rest.rfind('/');
  const std::string_view last = rest.substr(slash + 1);  // npos + 1 is 0
  rest = slash == rest.npos ? std::string_view() : rest.substr(0, slash);
  return last;
}

std::optional<PathParts> Named(RouteKind kind, std::string_view repository, std::string_view reference) {
  if (repository.empty()) return std::nullopt;
  return PathParts{kind, repository, reference};
}

bool HasBadSegment(std::string_view path) {
  path.remove_prefix(1);  // the leading slash
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view segment = path.substr(0, slash);
    if (segment.empty() || segment == "." || segment == "..") return true;
    path.remove_prefix(slash == path.npos ? path.size() : slash + 1);
  }
  return false;
}

/// The path with its percent-encoding undone. A slash or backslash never comes out of an escape.
Result<std::string> DecodePath(std::string_view path) {
  std::optional<std::string> decoded = PercentDecode(path);
  if (!decoded) return Fail(ErrorCode::kMalformedRequest, "the path has a bad percent-encoding");
  const bool slash_was_hidden = std::ranges::count(*decoded, '/') != std::ranges::count(path, '/');
  if (slash_was_hidden || decoded->contains('\\') || decoded->contains('\0'))
    return Fail(ErrorCode::kMalformedRequest, "the path has an encoded slash, a backslash or a NUL");
  if (!decoded->starts_with('/') || HasBadSegment(*decoded))
    return Fail(ErrorCode::kMalformedRequest, "the path has an empty or a dot segment");
  return *std::move(decoded);
}

}  // namespace

std::optional<PathParts> SplitPath(std::string_view path) {
  if (path == "/v2") return PathParts{};
  if (!path.starts_with(kPrefix)) return std::nullopt;
  std::string_view rest = path.substr(kPrefix.size());
  if (rest.empty()) return PathParts{};
  if (rest == "_catalog") return PathParts{.kind = RouteKind::kCatalog};

  std::string_view last = CutLastSegment(rest);
  const bool trailing_slash = last.empty();
  if (trailing_slash && rest.ends_with("/blobs/uploads")) last = CutLastSegment(rest);
  const std::string_view before = CutLastSegment(rest);
  if (before == "manifests") return Named(RouteKind::kManifest, rest, last);
  if (before == "referrers") return Named(RouteKind::kReferrers, rest, last);
  if (before == "tags" && last == "list") return Named(RouteKind::kTags, rest, {});
  if (before == "blobs" && last == "uploads") return Named(RouteKind::kUploads, rest, {});
  if (before == "blobs") return Named(RouteKind::kBlob, rest, last);
  if (before == "uploads" && CutLastSegment(rest) == "blobs") return Named(RouteKind::kUpload, rest, last);
  return std::nullopt;
}

Result<> CheckSpelling(std::string_view path) {
  TRY(DecodePath(path));
  return {};
}

Result<Route> ParseRoute(std::string_view path) {
  const std::string decoded = TRY(DecodePath(path));
  const std::optional<PathParts> parts = SplitPath(decoded);
  if (!parts) return Fail(Error(ErrorCode::kUnknownOperation).With("operation", decoded));

  Route route{.kind = parts->kind};
  if (!parts->repository.empty()) route.repository = TRY(RepositoryName::Parse(parts->repository));
  switch (parts->kind) {
    case RouteKind::kManifest:
      if (parts->reference.contains(':'))
        route.digest = TRY(Digest::Parse(parts->reference));
      else
        route.tag = TRY(ImageTag::Parse(parts->reference));
      break;
    case RouteKind::kBlob:
    case RouteKind::kReferrers:
      route.digest = TRY(Digest::Parse(parts->reference));
      break;
    case RouteKind::kUpload:
      route.upload = parts->reference;
      break;
    case RouteKind::kRoot:
    case RouteKind::kCatalog:
    case RouteKind::kTags:
    case RouteKind::kUploads:
      break;
  }
  return route;
}

}  // namespace entrepot::oci
