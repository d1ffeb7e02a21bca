#pragma once

// The door of /v2/: every request passes it in one order, which decides what a doubly wrong request is told
// (design-access 16): authenticate, shape, authorize, run.
//
// Safe from any thread, as http::Handler says.

#include <array>
#include <string>

#include "events/audit_log.h"
#include "http/handler.h"
#include "oci/call.h"
#include "oci/counters.h"
#include "oci/operations.h"
#include "oci/push_grace.h"

namespace entrepot::oci {

class OciDoor final : public http::Handler {
 public:
  /// `audit` outlives the door; null, for tests = no line is written.
  explicit OciDoor(Rooms rooms, events::AuditLog* audit = nullptr)
      : rooms_(std::move(rooms)), audit_(audit) {}

  bool TryAnswer(const http::RequestHead& head, http::Response& response) override;
  std::unique_ptr<http::BodySink> TryReceive(const http::RequestHead& head) override;
  http::BodyPlan PlanBody(const http::RequestHead& head) override;
  http::Reply Handle(const http::RequestHead& head, std::string body, bool body_pending) override;
  http::Response Refuse(const http::RequestHead& head, http::Refusal why) override;

  /// By operation, in the order of Operations(); the last is for requests that are none.
  const std::array<OperationCounters, kOperationCount + 1>& counters() const { return counters_; }

 private:
  CallPtr NewCall(const http::RequestHead& head, std::string body, bool body_pending);
  Result<http::Reply> Serve(const CallPtr& call);
  /// The steps of Serve before it runs the operation, as far as memory knows that each is passed.
  bool TryPrepare(Call& call);
  Result<> Authenticate(Call& call);
  /// What the request names: its shape, leave for it, and what is there.
  Result<> Resolve(Call& call);
  Result<> ReadShape(Call& call);
  Result<> AuthorizeOperation(const Call& call);
  Result<> FindRepository(Call& call);
  Result<> FindUpload(Call& call);
  Result<> CheckExpiry(const Call& call);
  http::Response Finish(const Call& call, Result<http::Response> result);
  bool TryFinish(const Call& call, Result<http::Response>& result, http::Response& response);
  http::Response Conclude(const Call& call, Result<http::Response> result, std::chrono::microseconds took);
  OperationCounters& CountersOf(const Operation* operation);

  const Rooms rooms_;
  events::AuditLog* const audit_;
  PushGrace push_grace_;
  std::array<OperationCounters, kOperationCount + 1> counters_;
};

}  // namespace entrepot::oci
