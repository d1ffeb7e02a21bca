#include "server/status_pages.h"

namespace entrepot::server {
namespace {

constexpr std::string_view kText = "text/plain; charset=utf-8";
constexpr std::string_view kPrometheusText = "text/plain; version=0.0.4; charset=utf-8";

bool IsRead(const http::RequestHead& head) {
  return head.method == http::Method::kGet || head.method == http::Method::kHead;
}

http::Response Page(int status, std::string_view type, std::string body) {
  http::Response response = http::TextResponse(status, type, std::move(body));
  response.Add("Cache-Control", "no-store");
  response.Add("X-Content-Type-Options", "nosniff");
  return response;
}

http::Response NotAllowed() {
  http::Response response = Page(405, kText, "this page can only be read\n");
  response.Add("Allow", "GET, HEAD");
  return response;
}

}  // namespace

StatusPages::StatusPages(access::Access& access, const Clock& clock, Readiness readiness, MetricsText metrics)
    : access_(access), clock_(clock), readiness_(std::move(readiness)), metrics_(std::move(metrics)) {}

bool StatusPages::Has(std::string_view path) const {
  return path == "/healthz" || path == "/readyz" || path == "/metrics";
}

bool StatusPages::TryAnswer(const http::RequestHead& head, http::Response& response) const {
  if (head.path != "/healthz" || !IsRead(head)) return false;
  response = Page(200, kText, "alive\n");
  return true;
}

http::Response StatusPages::Serve(const http::RequestHead& head) const {
  if (!IsRead(head)) return NotAllowed();
  if (head.path == "/healthz") return Page(200, kText, "alive\n");
  if (head.path == "/metrics") return ServeMetrics(head);
  const std::string reason = readiness_();
  return reason.empty() ? Page(200, kText, "ready\n") : Page(503, kText, reason + "\n");
}

http::Response StatusPages::ServeMetrics(const http::RequestHead& head) const {
  const Result<access::RegistryCaller> caller = access_.AuthenticateRegistry(head);
  if (!caller || caller->expired) {
    http::Response response =
        Page(401, kText, "give the user AWS and a registry password, as for docker login\n");
    response.Add("WWW-Authenticate", "Basic realm=\"entrepot metrics\"");
    return response;
  }
  const Result<> allowed =
      access_.Authorize(*caller->caller, "entrepot:GetMetrics", "*", access::FactsOf(head, clock_.Now()));
  if (!allowed) return Page(403, kText, "this needs leave for entrepot:GetMetrics\n");
  return Page(200, kPrometheusText, metrics_());
}

http::Reply MetricsListener::Handle(const http::RequestHead& head, std::string, bool) {
  if (!IsRead(head)) return NotAllowed();
  if (head.path == "/healthz") return Page(200, kText, "alive\n");
  if (head.path == "/metrics") return Page(200, kPrometheusText, metrics_());
  return Page(404, kText, "only /metrics and /healthz are here\n");
}

http::Response MetricsListener::Refuse(const http::RequestHead&, http::Refusal) {
  http::Response response = Page(503, kText, "busy\n");
  response.Add("Retry-After", "1");
  return response;
}

}  // namespace entrepot::server
