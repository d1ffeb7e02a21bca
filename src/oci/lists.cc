// What a registry says of itself: its version, its repositories, a repository's tags.

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "base/encoding.h"
#include "oci/answers.h"
#include "oci/operations.h"

namespace entrepot::oci {
namespace {

namespace json = boost::json;

http::Response ListResponse(const json::object& list) {
  return http::TextResponse(200, "application/json", json::serialize(list) + "\n");
}

/// RFC 8288: where the next page is.
void AddNext(http::Response& response, std::string_view path, int limit, std::string_view last) {
  response.Add("Link", "<" + std::string(path) + "?n=" + std::to_string(limit) +
                           "&last=" + PercentEncode(last) + ">; rel=\"next\"");
}

json::array ToJson(const std::vector<std::string>& names) { return json::array(names.begin(), names.end()); }

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

/// Only the repositories that the caller may describe. A page looks at as many as it may hold, so that its
/// cost is bounded whatever is hidden (design-access 15): it may come out short, or empty, with more behind
/// it.
Result<http::Reply> ListCatalog(const Rooms& rooms, const CallPtr& call) {
  const Parameters& wanted = call->parameters;
  Page<registry::RepositoryPtr> page;
  if (wanted.limit > 0)
    page = TRY(rooms.repositories.List(*call->registry, {.limit = wanted.limit, .after = wanted.last}));
  std::vector<std::string> names;
  for (const registry::RepositoryPtr& repository : page.entries) {
    const Result<> allowed = Authorize(rooms, *call, "ecr:DescribeRepositories", repository->name);
    if (allowed) names.push_back(repository->name.str());
    if (!allowed && allowed.error().code() != ErrorCode::kAccessDenied) return Fail(allowed.error());
  }
  http::Response response = ListResponse({{"repositories", ToJson(names)}});
  if (!page.next.empty()) AddNext(response, "/v2/_catalog", wanted.limit, page.next);
  return response;
}

}  // namespace entrepot::oci
