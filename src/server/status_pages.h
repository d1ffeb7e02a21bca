#pragma once

// The process's own pages: /healthz (alive) and /readyz (ready to serve) without credentials, /metrics with
// those of the registry (Basic, as docker logs in) and leave for entrepot:GetMetrics, or without on a
// listener of its own (design-access 5).

#include <functional>
#include <string>
#include <string_view>

#include "access/access.h"
#include "http/handler.h"

namespace entrepot::server {

/// Why the process is not ready, or "".
using Readiness = std::function<std::string()>;
/// The text of /metrics.
using MetricsText = std::function<std::string()>;

class StatusPages {
 public:
  StatusPages(access::Access& access, const Clock& clock, Readiness readiness, MetricsText metrics);

  bool Has(std::string_view path) const;
  /// /healthz, from the event loop: alive means that one turns.
  bool TryAnswer(const http::RequestHead& head, http::Response& response) const;
  http::Response Serve(const http::RequestHead& head) const;

 private:
  http::Response ServeMetrics(const http::RequestHead& head) const;

  access::Access& access_;
  const Clock& clock_;
  const Readiness readiness_;
  const MetricsText metrics_;
};

/// A listener that serves nothing but /metrics, without credentials, and /healthz.
class MetricsListener final : public http::Handler {
 public:
  explicit MetricsListener(MetricsText metrics) : metrics_(std::move(metrics)) {}
  bool TryAnswer(const http::RequestHead&, http::Response&) override { return false; }
  http::BodyPlan PlanBody(const http::RequestHead&) override { return {}; }
  http::Reply Handle(const http::RequestHead& head, std::string body, bool body_pending) override;
  http::Response Refuse(const http::RequestHead& head, http::Refusal why) override;

 private:
  const MetricsText metrics_;
};

}  // namespace entrepot::server
