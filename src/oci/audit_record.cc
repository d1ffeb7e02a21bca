#include "oci/audit_record.h"

#include "base/arn.h"
#include "oci/errors.h"
#include "oci/operations.h"

namespace entrepot::oci {
namespace {

bool IsRefusal(const Result<http::Response>& result) {
  if (result) return false;
  const int status = RowFor(result.error()).status;
  return status == 401 || status == 403;
}

bool IsRead(const Call& call) {
  return call.head.method == http::Method::kGet || call.head.method == http::Method::kHead;
}

std::string ResourceOf(const Call& call) {
  return call.registry && call.route.repository ? RepositoryArn(*call.registry, call.route.repository->str())
                                                : "";
}

}  // namespace

bool IsAudited(const Call& call, const Result<http::Response>& result) {
  return !IsRead(call) || (IsRefusal(result) && call.head.HasHeader("Authorization"));
}

events::AuditRecord AuditRecordOf(const Call& call, const Result<http::Response>& result,
                                  std::chrono::microseconds took) {
  const http::Peer* peer = call.head.peer;
  return {.door = "oci",
          .service = "ecr",
          .operation = call.operation ? call.operation->name : std::string_view("unknown"),
          .principal = call.caller ? call.caller->arn : "",
          .access_key_id = call.caller ? call.caller->access_key_id : "",
          .region = call.registry ? call.registry->region.str() : "",
          .resource = ResourceOf(call),
          .target = std::string(call.head.method_text) + " " + std::string(call.head.path),
          .source_ip = peer ? peer->address : "",
          .status = result ? result->status : RowFor(result.error()).status,
          .error = result ? "" : result.error().ToString(),
          .took = took,
          .refused = IsRefusal(result)};
}

events::AuditRecord SourceReadRecordOf(const Call& call, std::chrono::microseconds took) {
  events::AuditRecord record = AuditRecordOf(call, http::Response{.status = 200}, took);
  record.operation = "GetBlob";
  record.resource = RepositoryArn(*call.registry, call.read_from->str());
  return record;
}

}  // namespace entrepot::oci
