#pragma once

// The seam between the connection and the doors.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>

#include "http/request.h"
#include "http/response.h"

namespace entrepot::http {

/// How the connection treats a request's body before it calls Handle.
struct BodyPlan {
  /// A body of at most this length is received whole, into memory of the global budget, and handed to Handle.
  std::uint64_t buffer_up_to = 0;
  /// A longer one (or one of unknown length): true = Handle is called without it and may answer with a
  /// BodySink; false = 413 through Handler::Refuse, and the connection closes.
  bool stream_beyond = false;
  /// Before a body of more than kUncheckedBody is received to be handed over whole, Handler::CheckHead is
  /// asked (design-access 15).
  bool check_head = false;
};
inline constexpr std::uint64_t kUncheckedBody = 64u << 10;

/// A whole answer, or a sink for the body that is still to come. An answer while the body is unread closes
/// the connection (design-access 12).
using Reply = std::variant<Response, std::unique_ptr<BodySink>>;

/// Why the connection refuses a request by itself.
enum class Refusal { kBodyTooLarge, kBusy, kDraining };

class Handler {
 public:
  virtual ~Handler() = default;

  /// On the event loop: answer now from memory and return true, or return false to go the ordinary way, which
  /// gives the same answer. Bounded: no file, no database, no lock that is ever held across I/O. Only for
  /// requests without a body.
  virtual bool TryAnswer(const RequestHead& head, Response& response) = 0;

  /// On the event loop, for a body longer than its plan buffers: a sink for it, if memory knows all that is
  /// needed to begin, or null to go the ordinary way, which gives the same answer. Bounded as TryAnswer is.
  virtual std::unique_ptr<BodySink> TryReceive(const RequestHead&) { return nullptr; }

  /// On the event loop.
  virtual BodyPlan PlanBody(const RequestHead& head) = 0;

  /// On a worker: an answer to refuse the request before its body takes memory, or nothing.
  virtual std::optional<Response> CheckHead(const RequestHead&) { return std::nullopt; }

  /// On a worker. `body` is the whole body, unless PlanBody said stream and it is longer: then
  /// `body_pending`.
  virtual Reply Handle(const RequestHead& head, std::string body, bool body_pending) = 0;

  /// On the event loop: the answer in the caller's own protocol (AWS JSON, OCI) for what the connection
  /// refuses.
  virtual Response Refuse(const RequestHead& head, Refusal why) = 0;
};

}  // namespace entrepot::http
