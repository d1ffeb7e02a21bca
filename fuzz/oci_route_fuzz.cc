// A path, and behind a line end a query and a Content-Range: whatever they are, a route that is made of them
// is well formed, and what it names can be put into a path again and read back as the same.

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/encoding.h"
#include "oci/parameters.h"
#include "oci/routes.h"

namespace {

using namespace entrepot;

std::string_view TakeLine(std::string_view& rest) {
  const std::size_t end = std::min(rest.find('\n'), rest.size());
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return line;
}

void CheckNames(const oci::Route& route) {
  if (!route.repository) return;
  CHECK(RepositoryName::Parse(*route.repository).has_value());
  CHECK(!route.repository->str().contains(".."));
  CHECK(!route.repository->str().contains("//"));
}

void CheckManifestRoundTrip(const oci::Route& route) {
  if (route.kind != oci::RouteKind::kManifest) return;
  CHECK(route.tag.has_value() != route.digest.has_value());
  const std::string reference = route.tag ? route.tag->str() : route.digest->ToString();
  const Result<oci::Route> again =
      oci::ParseRoute("/v2/" + route.repository->str() + "/manifests/" + reference);
  CHECK(again && again->repository == route.repository && again->tag == route.tag &&
        again->digest == route.digest);
}

// What a request with these parameters would be held to.
void CheckParameters(const oci::Route& route, const oci::Parameters& parameters) {
  CHECK(parameters.limit >= 0 && parameters.limit <= oci::kMaxPage);
  for (const ImageTag& tag : parameters.tags) CHECK(IsOciTag(tag) && ImageTag::Parse(tag.str()).has_value());
  CHECK(parameters.tags.empty() || route.digest);
  if (route.kind == oci::RouteKind::kReferrers)
    CHECK(parameters.last.empty() || Digest::Parse(parameters.last).has_value());
  const bool sha512 = parameters.algorithm == HashAlgorithm::kSha512 ||
                      (route.digest && route.digest->algorithm() == HashAlgorithm::kSha512);
  if (sha512) CHECK(!oci::RequireSha256(route, parameters));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest = AsText({data, size});
  const std::string_view path = TakeLine(rest), query = TakeLine(rest), range = TakeLine(rest);
  (void)oci::SplitPath(path);
  const Result<oci::Route> route = oci::ParseRoute(path);
  if (!route) return 0;
  CheckNames(*route);
  CheckManifestRoundTrip(*route);

  const std::vector<http::HeaderField> headers = {{"Content-Range", range}};
  for (const auto method : {http::Method::kGet, http::Method::kPut, http::Method::kPost, http::Method::kPatch,
                            http::Method::kDelete}) {
    http::RequestHead head;
    head.method = method;
    head.path = path;
    head.query = query;
    if (!range.empty()) head.headers = headers;
    const Result<oci::Parameters> parameters = oci::ReadParameters(*route, head);
    if (parameters) CheckParameters(*route, *parameters);
  }
  return 0;
}
