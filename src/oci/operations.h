#pragma once

// The operations of /v2/ as a table: which route and method, what it needs leave for, what it does with a
// body.

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "http/handler.h"
#include "oci/call.h"
#include "oci/routes.h"

namespace entrepot::oci {

struct Operation {
  std::string_view name;  // for logs and metrics
  RouteKind route;
  http::Method method;
  /// The IAM action on the repository (ecr-semantics 2.2); "" = a good token is enough.
  std::string_view action;
  /// A second one, when the request carries a body.
  std::string_view body_action;
  http::BodyPlan body;
  /// Part of a push, which may end within the hour behind its token's expiry (design-access 3).
  bool outlives_token;
  /// Gets a complete, authorized call.
  Result<http::Reply> (*run)(const Rooms& rooms, const CallPtr& call);
};

inline constexpr std::size_t kOperationCount = 21;
std::span<const Operation, kOperationCount> Operations();

/// Nullptr when the route has no such method.
const Operation* FindOperation(RouteKind route, http::Method method);
/// "GET, HEAD": the value of Allow.
std::string MethodsOf(RouteKind route);

/// The functions of the table, one file a resource.
Result<http::Reply> GetVersion(const Rooms& rooms, const CallPtr& call);
Result<http::Reply> ListCatalog(const Rooms& rooms, const CallPtr& call);
Result<http::Reply> ListTags(const Rooms& rooms, const CallPtr& call);
Result<http::Reply> ListReferrers(const Rooms& rooms, const CallPtr& call);

Result<http::Reply> GetManifest(const Rooms& rooms, const CallPtr& call);
Result<http::Reply> PutManifest(const Rooms& rooms, const CallPtr& call);
Result<http::Reply> DeleteManifest(const Rooms& rooms, const CallPtr& call);

Result<http::Reply> HeadBlob(const Rooms& rooms, const CallPtr& call);
Result<http::Reply> GetBlob(const Rooms& rooms, const CallPtr& call);
Result<http::Reply> DeleteBlob(const Rooms& rooms, const CallPtr& call);

Result<http::Reply> OpenUpload(const Rooms& rooms, const CallPtr& call);
Result<http::Reply> AppendToUpload(const Rooms& rooms, const CallPtr& call);
/// On an event loop: null, with nothing done, to go the ordinary way (http::Handler::TryReceive).
std::unique_ptr<http::BodySink> TryAppendToUpload(const Rooms& rooms, const CallPtr& call);
Result<http::Reply> CloseUpload(const Rooms& rooms, const CallPtr& call);
Result<http::Reply> GetUpload(const Rooms& rooms, const CallPtr& call);
Result<http::Reply> CancelUpload(const Rooms& rooms, const CallPtr& call);

}  // namespace entrepot::oci
