#include "events/webhook.h"

#include <gmock/gmock.h>

#include "base/crypto.h"
#include "base/encoding.h"
#include "http/test_server.h"

namespace entrepot::events {
namespace {

using testing::ElementsAre;

struct Received {
  std::string body, event, timestamp, signature, type;
};

class WebhookTest : public testing::Test {
 protected:
  WebhookTest() {
    server_.handler.handle = [this](const http::RequestHead& head, std::string body, bool) {
      const auto field = [&](std::string_view name) { return std::string(head.Header(name)); };
      received_.push_back({body, field("X-Entrepot-Event"), field("X-Entrepot-Timestamp"),
                           field("X-Entrepot-Signature"), field("Content-Type")});
      return http::TextResponse(body == refused_ ? 503 : 200, "text/plain", "");
    };
    server_.Start();
  }
  Webhook::Settings Settings(std::optional<std::string> secret = std::nullopt) {
    return {.url = "http://127.0.0.1:" + std::to_string(server_.port) + "/hook", .secret = std::move(secret)};
  }
  static metadata::EventRow Row(const std::string& content) {
    return {.id = "id-" + content, .content = content};
  }

  ManualClock clock_;
  http::TestServer server_;
  std::string refused_;
  std::vector<Received> received_;
};

TEST_F(WebhookTest, SignsTimestampAndBody) {
  Webhook webhook(Settings("secret"), clock_);
  const std::vector rows{Row("one")};
  Attempt attempt{.events = rows, .error = ""};
  webhook.Deliver(std::span(&attempt, 1));
  ASSERT_EQ(attempt.delivered, 1u) << attempt.error;
  ASSERT_EQ(received_.size(), 1u);
  EXPECT_EQ(received_[0].body, "one");
  EXPECT_EQ(received_[0].event, "id-one");
  EXPECT_EQ(received_[0].timestamp, "1700000000");
  EXPECT_EQ(received_[0].type, "application/json; charset=utf-8");
  EXPECT_EQ(received_[0].signature,
            "v1=" + HexEncode(HmacSha256(AsBytes("secret"), AsBytes("1700000000.one"))));
}

TEST_F(WebhookTest, WithoutASecretNothingIsSigned) {
  Webhook webhook(Settings(), clock_);
  const std::vector rows{Row("one")};
  Attempt attempt{.events = rows, .error = ""};
  webhook.Deliver(std::span(&attempt, 1));
  EXPECT_EQ(received_.at(0).signature, "");
}

TEST_F(WebhookTest, ARefusalEndsItsRepositoryAndNoOther) {
  Webhook webhook(Settings(), clock_);
  refused_ = "a2";
  const std::vector a{Row("a1"), Row("a2"), Row("a3")}, b{Row("b1")};
  std::vector<Attempt> attempts{{.events = a, .error = ""}, {.events = b, .error = ""}};
  webhook.Deliver(attempts);
  EXPECT_EQ(attempts[0].delivered, 1u);
  EXPECT_EQ(attempts[0].error, "the webhook answered 503");
  EXPECT_EQ(attempts[1].delivered, 1u);
  std::vector<std::string> bodies;
  for (const Received& one : received_) bodies.push_back(one.body);
  EXPECT_THAT(bodies, ElementsAre("a1", "a2", "b1"));
}

TEST_F(WebhookTest, WhatAStopCutsOffWasNotTried) {
  Webhook webhook(Settings(), clock_);
  webhook.Stop();
  const std::vector rows{Row("one")};
  Attempt attempt{.events = rows, .error = ""};
  webhook.Deliver(std::span(&attempt, 1));
  EXPECT_EQ(attempt.delivered, 0u);
  EXPECT_EQ(attempt.error, "");
}

TEST_F(WebhookTest, NoRequestBeginsOnceItsRoundIsOver) {
  server_.handler.handle = [this](const http::RequestHead&, std::string, bool) {
    clock_.Advance(std::chrono::seconds(6));
    return http::TextResponse(200, "text/plain", "");
  };
  Webhook webhook(Settings(), clock_);
  const std::vector rows{Row("one"), Row("two")};
  Attempt attempt{.events = rows, .error = ""};
  webhook.Deliver(std::span(&attempt, 1));
  EXPECT_EQ(attempt.delivered, 1u);
  EXPECT_EQ(attempt.error, "");
}

}  // namespace
}  // namespace entrepot::events
