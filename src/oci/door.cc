#include "oci/door.h"

#include <memory>
#include <utility>

#include "access/registry_host.h"
#include "base/arn.h"
#include "base/log.h"
#include "oci/answers.h"
#include "oci/audit_record.h"
#include "oci/create_on_push.h"
#include "oci/errors.h"
#include "oci/pull_path.h"
#include "oci/upload_location.h"

namespace entrepot::oci {
namespace {

Error RefusalError(http::Refusal why, const http::BodyPlan& plan) {
  if (why == http::Refusal::kBodyTooLarge)
    return Error(ErrorCode::kRequestTooLarge).With("limit", std::to_string(plan.buffer_up_to));
  return Error(ErrorCode::kUnavailable, why == http::Refusal::kBusy ? "the workers are busy" : "draining");
}

}  // namespace

Result<> Authorize(const Rooms& rooms, const Call& call, std::string_view action,
                   std::string_view repository) {
  return rooms.access.Authorize(*call.caller, action, RepositoryArn(*call.registry, repository), call.facts);
}

bool OciDoor::TryAnswer(const http::RequestHead& head, http::Response& response) {
  const Operation* operation = TryAnswerPull(rooms_, head, response);
  if (operation) CountersOf(operation).AnsweredInline(response.status);
  return operation != nullptr;
}

/// A chunk in the midst of an upload: hundreds of them may make a layer.
std::unique_ptr<http::BodySink> OciDoor::TryReceive(const http::RequestHead& head) {
  if (head.method != http::Method::kPatch) return nullptr;
  const CallPtr call = NewCall(head, {}, true);
  return TryPrepare(*call) ? TryAppendToUpload(rooms_, call) : nullptr;
}

bool OciDoor::TryPrepare(Call& call) {
  const Result<access::RegistryHost> host = access::ParseRegistryHost(call.head.host, rooms_.domain);
  const std::shared_ptr<const access::RegistryCaller> who = rooms_.access.TryAuthenticateRegistry(call.head);
  if (!host || !who || who->expired) return false;
  call.caller = who->caller;
  call.registry = host->registry.value_or(who->default_registry);
  if (!ReadShape(call) || call.route.kind != RouteKind::kUpload) return false;
  const RepositoryName& name = *call.route.repository;
  const std::string arn = RepositoryArn(*call.registry, name);
  const auto allowed = rooms_.access.TryAuthorize(*call.caller, call.operation->action, arn, call.head);
  if (!allowed.value_or(false)) return false;
  call.repository = rooms_.repositories.TryFind(*call.registry, name);
  if (!call.repository) return false;
  call.upload = TryReadUploadLocation(rooms_.access, *call.repository, call.caller->unique_id,
                                      call.route.upload, call.parameters.state, call.now);
  if (!call.upload) return false;
  push_grace_.SessionOpened(call.caller->unique_id, call.repository->id, call.upload->ticket.opened_at);
  return true;
}

http::BodyPlan OciDoor::PlanBody(const http::RequestHead& head) {
  constexpr http::BodyPlan kAnswerWithoutIt{.buffer_up_to = 0, .stream_beyond = true};
  if (!head.HasHeader("Authorization")) return kAnswerWithoutIt;  // a 401, which needs no memory for the body
  const Result<Route> route = ParseRoute(head.path);
  const Operation* operation = route ? FindOperation(route->kind, head.method) : nullptr;
  return operation ? operation->body : kAnswerWithoutIt;
}

CallPtr OciDoor::NewCall(const http::RequestHead& head, std::string body, bool body_pending) {
  const Timestamp now = rooms_.clock.Now();
  const auto call = std::make_shared<Call>(Call{.head = head,
                                                .body = std::move(body),
                                                .body_pending = body_pending,
                                                .now = now,
                                                .began = rooms_.clock.Elapsed(),
                                                .facts = access::FactsOf(head, now)});
  call->finish = [this, raw = call.get()](Result<http::Response> result) {
    return Finish(*raw, std::move(result));
  };
  call->try_finish = [this, raw = call.get()](Result<http::Response>& result, http::Response& response) {
    return TryFinish(*raw, result, response);
  };
  return call;
}

http::Reply OciDoor::Handle(const http::RequestHead& head, std::string body, bool body_pending) {
  const CallPtr call = NewCall(head, std::move(body), body_pending);
  Result<http::Reply> reply = Serve(call);
  if (!reply) return Finish(*call, Fail(std::move(reply).error()));
  if (auto* response = std::get_if<http::Response>(&*reply)) return Finish(*call, std::move(*response));
  return *std::move(reply);  // a sink, which finishes the call at the body's end
}

Result<http::Reply> OciDoor::Serve(const CallPtr& call) {
  TRY(CheckSpelling(call->head.path));  // a request that cannot be read is nobody's
  TRY(Authenticate(*call));
  Result<> resolved = Resolve(*call);
  TRY(CheckExpiry(*call));  // which the session may waive: till then an expired token learns nothing
  TRY(std::move(resolved));
  return call->operation->run(rooms_, call);
}

Result<> OciDoor::Resolve(Call& call) {
  TRY(ReadShape(call));
  TRY(AuthorizeOperation(call));
  TRY(FindRepository(call));
  return FindUpload(call);
}

Result<> OciDoor::Authenticate(Call& call) {
  const access::RegistryHost host = TRY(access::ParseRegistryHost(call.head.host, rooms_.domain));
  const access::RegistryCaller who = TRY(rooms_.access.AuthenticateRegistry(call.head));
  call.caller = who.caller;
  call.registry = host.registry.value_or(who.default_registry);
  if (who.expired) call.token_expired_at = who.expires_at;
  return {};
}

Result<> OciDoor::ReadShape(Call& call) {
  call.route = TRY(ParseRoute(call.head.path));
  call.operation = FindOperation(call.route.kind, call.head.method);
  if (!call.operation)
    return Fail(Error(ErrorCode::kUnknownOperation).With("allow", MethodsOf(call.route.kind)));
  call.parameters = TRY(ReadParameters(call.route, call.head));
  return rooms_.ecr_quirks ? RequireSha256(call.route, call.parameters) : Result<>();
}

Result<> OciDoor::AuthorizeOperation(const Call& call) {
  if (call.operation->action.empty()) return {};
  const RepositoryName& repository = *call.route.repository;
  TRY(Authorize(rooms_, call, call.operation->action, repository));
  if (!call.operation->body_action.empty() && call.head.has_body())
    TRY(Authorize(rooms_, call, call.operation->body_action, repository));
  return {};
}

Result<> OciDoor::FindRepository(Call& call) {
  if (!call.route.repository) return {};
  auto found = rooms_.repositories.Find(*call.registry, *call.route.repository);
  if (!found) found = CreateOnPush(rooms_, call, std::move(found).error());
  call.repository = TRY(std::move(found));
  return {};
}

Result<> OciDoor::FindUpload(Call& call) {
  if (call.route.kind != RouteKind::kUpload) return {};
  const std::string& principal = call.caller->unique_id;
  call.upload = TRY(ReadUploadLocation(rooms_.access, *call.repository, principal, call.route.upload,
                                       call.parameters.state, call.now));
  push_grace_.SessionOpened(principal, call.repository->id, call.upload->ticket.opened_at);
  return {};
}

/// design-access 3: an expired token ends every request but the rest of a push that it began.
Result<> OciDoor::CheckExpiry(const Call& call) {
  const std::string& principal = call.caller->unique_id;
  if (call.token_expired_at) {
    const bool covered = call.repository && call.operation->outlives_token &&
                         push_grace_.Covers(principal, call.repository->id, *call.token_expired_at, call.now);
    return covered ? Result<>() : Fail(ErrorCode::kRegistryTokenExpired);
  }
  if (call.repository && call.route.kind == RouteKind::kUploads)
    push_grace_.SessionOpened(principal, call.repository->id, call.now);
  return {};
}

http::Response OciDoor::Finish(const Call& call, Result<http::Response> result) {
  const std::chrono::microseconds took = rooms_.clock.Elapsed() - call.began;
  if (audit_ && call.read_from) audit_->Write(SourceReadRecordOf(call, took));
  if (audit_ && IsAudited(call, result)) audit_->Write(AuditRecordOf(call, result, took));
  return Conclude(call, std::move(result), took);
}

bool OciDoor::TryFinish(const Call& call, Result<http::Response>& result, http::Response& response) {
  const std::chrono::microseconds took = rooms_.clock.Elapsed() - call.began;
  if (audit_ && IsAudited(call, result) && !audit_->TryWrite(AuditRecordOf(call, result, took))) return false;
  response = Conclude(call, std::move(result), took);
  return true;
}

http::Response OciDoor::Conclude(const Call& call, Result<http::Response> result,
                                 std::chrono::microseconds took) {
  http::Response response;
  if (result) {
    response = *std::move(result);
  } else {
    const ErrorRow& row = RowFor(result.error());
    const bool tls = call.head.peer && call.head.peer->tls;
    response = row.status == 401 ? Challenge(call.head.host, tls) : ErrorResponse(result.error());
    if (row.status >= 500)
      log::Error("a registry request failed", {{"operation", call.operation ? call.operation->name : "none"},
                                               {"path", call.head.path},
                                               {"error", result.error().ToString()}});
  }
  Complete(call.head, response);
  CountersOf(call.operation).Answered(response.status, took);
  return response;
}

http::Response OciDoor::Refuse(const http::RequestHead& head, http::Refusal why) {
  http::Response response = ErrorResponse(RefusalError(why, PlanBody(head)));
  Complete(head, response);
  CountersOf(nullptr).Answered(response.status, {});
  return response;
}

OperationCounters& OciDoor::CountersOf(const Operation* operation) {
  return counters_[operation ? static_cast<std::size_t>(operation - Operations().data()) : kOperationCount];
}

}  // namespace entrepot::oci
