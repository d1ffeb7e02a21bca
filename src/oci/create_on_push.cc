#include "oci/create_on_push.h"

#include "base/log.h"
#include "oci/operations.h"

namespace entrepot::oci {
namespace {

constexpr auto kScenario = registry::CreationScenario::kCreateOnPush;

// What a client sends first: it may ask for layers before, and is told that there are none.
bool BeginsPush(const Operation& operation) {
  return operation.route == RouteKind::kUploads ||
         (operation.route == RouteKind::kManifest && operation.method == http::Method::kPut);
}

}  // namespace

Result<registry::RepositoryPtr> CreateOnPush(const Rooms& rooms, const Call& call, Error missing) {
  const RepositoryName& name = *call.route.repository;
  const bool looked_up = missing.code() == ErrorCode::kRepositoryNotFound;
  if (!looked_up || !BeginsPush(*call.operation) || call.token_expired_at) return Fail(std::move(missing));
  if (!TRY(rooms.creation_templates.Covers(*call.registry, name, kScenario))) return Fail(std::move(missing));
  TRY(Authorize(rooms, call, "ecr:CreateRepository", name));
  auto repository = TRY(rooms.creation_templates.CreateRepository(*call.registry, name, kScenario));
  log::Info("a push made a repository", {{"principal", call.caller->arn}, {"repository", name.str()}});
  return repository;
}

}  // namespace entrepot::oci
