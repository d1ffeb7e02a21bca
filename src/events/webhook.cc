#include "events/webhook.h"

#include <fmt/format.h>

#include "base/crypto.h"
#include "base/encoding.h"

namespace entrepot::events {

void Webhook::Deliver(std::span<Attempt> attempts) {
  const std::chrono::microseconds end = clock_.Elapsed() + kRound;
  for (Attempt& attempt : attempts) {
    for (const metadata::EventRow& event : attempt.events) {
      if (client_.stopped() || clock_.Elapsed() > end) return;
      const Result<> sent = Send(event);
      if (client_.stopped() && !sent) return;
      if (!sent) attempt.error = sent.error().fact("detail");
      if (!sent) break;
      ++attempt.delivered;
    }
  }
}

Result<> Webhook::Send(const metadata::EventRow& event) {
  const std::string timestamp = std::to_string(clock_.Now().micros / 1'000'000);
  http::OutboundRequest request{.url = settings_.url,
                                .headers = {{"Content-Type", "application/json; charset=utf-8"},
                                            {"X-Entrepot-Event", event.id},
                                            {"X-Entrepot-Timestamp", timestamp}},
                                .body = event.content,
                                .timeout = settings_.timeout};
  if (settings_.secret) {
    const auto mac = HmacSha256(AsBytes(*settings_.secret), AsBytes(timestamp + "." + event.content));
    request.headers.emplace_back("X-Entrepot-Signature", "v1=" + HexEncode(mac));
  }
  const int status = TRY(client_.Post(request));
  if (status < 200 || status > 299)
    return Fail(ErrorCode::kUnavailable, fmt::format("the webhook answered {}", status));
  return {};
}

}  // namespace entrepot::events
