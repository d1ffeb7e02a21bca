#include "server/router.h"

#include "registry/download_ticket.h"

namespace entrepot::server {
namespace {

bool IsDataPlane(std::string_view path) { return path.starts_with("/v2/") || path == "/v2"; }
bool IsDownload(std::string_view path) { return path.starts_with(registry::kDownloadPath); }

}  // namespace

bool Router::TryAnswer(const http::RequestHead& head, http::Response& response) {
  if (IsDataPlane(head.path)) return oci_.TryAnswer(head, response);
  return pages_.TryAnswer(head, response);
}

std::unique_ptr<http::BodySink> Router::TryReceive(const http::RequestHead& head) {
  return IsDataPlane(head.path) ? oci_.TryReceive(head) : nullptr;
}

http::BodyPlan Router::PlanBody(const http::RequestHead& head) {
  if (IsDataPlane(head.path)) return oci_.PlanBody(head);
  if (IsDownload(head.path) || pages_.Has(head.path)) return {};
  return aws_.PlanBody(head);
}

std::optional<http::Response> Router::CheckHead(const http::RequestHead& head) {
  if (IsDataPlane(head.path) || IsDownload(head.path) || pages_.Has(head.path)) return std::nullopt;
  return aws_.CheckHead(head);
}

http::Reply Router::Handle(const http::RequestHead& head, std::string body, bool body_pending) {
  if (IsDataPlane(head.path)) return oci_.Handle(head, std::move(body), body_pending);
  if (IsDownload(head.path)) return downloads_.Serve(head);
  if (pages_.Has(head.path)) return pages_.Serve(head);
  return aws_.Serve(head, std::move(body));
}

http::Response Router::Refuse(const http::RequestHead& head, http::Refusal why) {
  return IsDataPlane(head.path) || IsDownload(head.path) ? oci_.Refuse(head, why) : aws_.Refuse(head, why);
}

}  // namespace entrepot::server
