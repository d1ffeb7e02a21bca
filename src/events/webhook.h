#pragma once

// Events by POST to a URL of the operator's, one a request. An answer of 2xx takes the event; any other, and
// none, is a failure. Redirects are not followed.
//
//   Content-Type: application/json; charset=utf-8
//   X-Entrepot-Event: <the event's id>            the same at every attempt: receivers drop what they have
//   X-Entrepot-Timestamp: <seconds since 1970>    of this attempt
//   X-Entrepot-Signature: v1=<hex>                HMAC-SHA256 under the shared secret, of timestamp, '.' and
//   body

#include <optional>
#include <string>

#include "base/clock.h"
#include "events/receiver.h"
#include "http/client.h"

namespace entrepot::events {

class Webhook final : public Receiver {
 public:
  struct Settings {
    std::string url;
    std::optional<std::string> secret;  // without one nothing is signed
    std::chrono::seconds timeout{10};   // of one request
  };
  Webhook(Settings settings, const Clock& clock) : settings_(std::move(settings)), clock_(clock) {}

  metadata::EventReceiver id() const override { return metadata::EventReceiver::kWebhook; }
  std::chrono::seconds patience() const override { return kRound + settings_.timeout; }
  void Deliver(std::span<Attempt> attempts) override;
  /// From any thread: what is being sent is broken off, and counts as not tried.
  void Stop() { client_.Stop(); }

 private:
  static constexpr std::chrono::seconds kRound{5};  // no request begins later

  Result<> Send(const metadata::EventRow& event);

  const Settings settings_;
  const Clock& clock_;
  http::Client client_{http::Reach::kConfigured};
};

}  // namespace entrepot::events
