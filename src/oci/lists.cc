// What a registry says of itself: its version, its repositories, a repository's tags, an image's referrers.

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "access/heed_denial.h"
#include "base/arn.h"
#include "base/encoding.h"
#include "oci/answers.h"
#include "oci/catalog.h"
#include "oci/operations.h"

namespace entrepot::oci {
namespace {

namespace json = boost::json;

constexpr std::string_view kIndexType = "application/vnd.oci.image.index.v1+json";

http::Response ListResponse(const json::object& list) {
  return http::TextResponse(200, "application/json", json::serialize(list) + "\n");
}

/// RFC 8288: where the next page is. `filter` are further parameters of the list, each with its '&'.
void AddNext(http::Response& response, std::string_view path, int limit, std::string_view last,
             std::string_view filter = "") {
  response.Add("Link", "<" + std::string(path) + "?n=" + std::to_string(limit) +
                           "&last=" + PercentEncode(last) + std::string(filter) + ">; rel=\"next\"");
}

json::array ToJson(const std::vector<std::string>& names) { return json::array(names.begin(), names.end()); }

/// Its descriptor in the index of referrers (OCI Distribution v1.1, "Listing Referrers").
json::object ToJson(const registry::Referrer& referrer) {
  json::object descriptor{
      {"mediaType", referrer.media_type}, {"digest", referrer.digest.ToString()}, {"size", referrer.size}};
  if (!referrer.artifact_type.empty()) descriptor.emplace("artifactType", referrer.artifact_type);
  if (referrer.annotations.empty()) return descriptor;
  json::object annotations;
  for (const auto& [key, value] : referrer.annotations) annotations.emplace(key, value);
  descriptor.emplace("annotations", std::move(annotations));
  return descriptor;
}

}  // namespace

Result<http::Reply> GetVersion(const Rooms&, const CallPtr&) { return VersionAnswer(); }

Result<http::Reply> ListTags(const Rooms& rooms, const CallPtr& call) {
  const std::string& name = call->repository->name.str();
  const Parameters& wanted = call->parameters;
  Page<std::string> page;
  if (wanted.limit > 0)
    page = TRY(rooms.images.ListTags(*call->repository, {.limit = wanted.limit, .after = wanted.last}));
  http::Response response = ListResponse({{"name", name}, {"tags", ToJson(page.entries)}});
  if (!page.next.empty()) AddNext(response, "/v2/" + name + "/tags/list", wanted.limit, page.next);
  return response;
}

/// An index of what names the digest as its subject; the digest itself need not be there.
Result<http::Reply> ListReferrers(const Rooms& rooms, const CallPtr& call) {
  // BatchGetImage is what the list needs (ecr-semantics 2.2).
  TRY(access::HeedDenial(rooms.access, *call->caller, "ecr:ListImageReferrers",
                         RepositoryArn(*call->registry, call->route.repository->str()), call->facts));
  const Parameters& wanted = call->parameters;
  Page<registry::Referrer> page;
  if (wanted.limit > 0)
    page = TRY(rooms.referrers.List(*call->repository, *call->route.digest, {wanted.artifact_types},
                                    {.limit = wanted.limit, .after = wanted.last}));
  json::array manifests;
  for (const registry::Referrer& referrer : page.entries) manifests.push_back(ToJson(referrer));
  http::Response response = http::TextResponse(
      200, kIndexType,
      json::serialize(json::object{
          {"schemaVersion", 2}, {"mediaType", kIndexType}, {"manifests", std::move(manifests)}}));
  std::string filter;
  for (const std::string& type : wanted.artifact_types) filter += "&artifactType=" + PercentEncode(type);
  if (!filter.empty()) response.Add("OCI-Filters-Applied", "artifactType");
  if (!page.next.empty()) AddNext(response, call->head.path, wanted.limit, page.next, filter);
  return response;
}

Result<http::Reply> ListCatalog(const Rooms& rooms, const CallPtr& call) {
  const CatalogPage page = TRY(ReadCatalog(rooms, *call));
  http::Response response = ListResponse({{"repositories", ToJson(page.names)}});
  if (!page.next.empty()) AddNext(response, "/v2/_catalog", call->parameters.limit, page.next);
  return response;
}

}  // namespace entrepot::oci
