#pragma once

// The door of the AWS APIs: what every call to every service passes, in this order (design-access 16): find
// the row, authenticate, decode and validate, authorize, run, encode, log and count. It knows tables, never
// an operation.
//
// One object for the process, unchanged after construction but for its counters. Serve runs on the workers,
// PlanBody and Refuse on the event loops.

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "access/access.h"
#include "aws/errors.h"
#include "aws/metrics.h"
#include "aws/operation.h"
#include "base/clock.h"
#include "base/names.h"
#include "events/audit_log.h"
#include "http/handler.h"

namespace entrepot::aws {

struct DoorOptions {
  events::AuditLog* audit = nullptr;  // outlives the door; null, for tests = no line is written
  std::vector<Region> regions;        // the only ones served; empty = every region
  std::string domain;                 // configured, or ""
  JsonAuthStatus json_auth_status = JsonAuthStatus::kCaptured;
};

class AwsDoor {
 public:
  /// `access` and `clock` outlive the door, as do the objects that the services' rows point to.
  AwsDoor(access::Access& access, const Clock& clock, std::vector<Service> services,
          DoorOptions options = {});
  ~AwsDoor();

  http::BodyPlan PlanBody(const http::RequestHead& head) const;
  std::optional<http::Response> CheckHead(const http::RequestHead& head);
  http::Response Serve(const http::RequestHead& head, std::string body);
  http::Response Refuse(const http::RequestHead& head, http::Refusal why) const;

  /// Every served operation, and "unknown" of service "" for what no row was found for.
  void VisitMetrics(const std::function<void(std::string_view service, std::string_view operation,
                                             const OperationMetrics& metrics)>& visitor) const;

 private:
  struct Entry;     // an operation as the door keeps it
  struct Exchange;  // one call on its way through

  Result<std::string> Answer(Exchange& exchange);
  Result<> Find(Exchange& exchange) const;
  Result<> FindByTarget(Exchange& exchange) const;
  Result<> FindByAction(Exchange& exchange) const;
  Result<CallContext> Authenticate(const Exchange& exchange);
  Result<> Authorize(Exchange& exchange, CallContext& call, const void* request);
  /// Takes the answer's text.
  http::Response Envelope(const Exchange& exchange, Result<std::string>& answer) const;
  void Record(const Exchange& exchange, int status, const Error* error);

  access::Access& access_;
  const Clock& clock_;
  const DoorOptions options_;
  const std::vector<Service> services_;
  /// By X-Amz-Target, or by version/Action.
  std::unordered_map<std::string, std::unique_ptr<Entry>> entries_;
  OperationMetrics unknown_;
};

}  // namespace entrepot::aws
