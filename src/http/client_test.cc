#include "http/client.h"

#include <gtest/gtest.h>

#include "http/test_server.h"

namespace entrepot::http {
namespace {

class ClientTest : public testing::Test {
 protected:
  OutboundRequest To(const std::string& path) {
    return {.url = "http://127.0.0.1:" + std::to_string(server.port) + path, .headers = {}, .body = "hello"};
  }
  TestServer server;
  Client client{Reach::kConfigured};
};

TEST_F(ClientTest, SendsBodyAndHeadersAndTellsTheStatus) {
  std::string body, header;
  server.handler.handle = [&](const RequestHead& head, std::string received, bool) {
    body = std::move(received);
    header = head.Header("X-Test");
    return TextResponse(head.path == "/no" ? 500 : 202, "text/plain", "");
  };
  server.Start();
  OutboundRequest request = To("/hook");
  request.headers = {{"X-Test", "yes"}};
  EXPECT_EQ(client.Post(request).value(), 202);
  EXPECT_EQ(body, "hello");
  EXPECT_EQ(header, "yes");
  EXPECT_EQ(client.Post(To("/no")).value(), 500);
  EXPECT_EQ(server.server->counters().connections_accepted, 1u);  // kept
}

TEST_F(ClientTest, FollowsNoRedirect) {
  server.handler.handle = [&](const RequestHead&, std::string, bool) {
    Response response = TextResponse(307, "text/plain", "");
    return std::move(response.Add("Location", "/elsewhere"));
  };
  server.Start();
  EXPECT_EQ(client.Post(To("/hook")).value(), 307);
  EXPECT_EQ(server.handler.handled, 1);
}

TEST_F(ClientTest, NobodyLeadsItToAPrivateAddress) {
  server.Start();
  Client elsewhere(Reach::kPublic);
  const Result<int> outcome = elsewhere.Post(To("/hook"));
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), ErrorCode::kUnavailable);
  EXPECT_TRUE(outcome.error().fact("detail").contains("127.0.0.1")) << outcome.error().ToString();
  EXPECT_EQ(server.handler.handled, 0);
}

TEST_F(ClientTest, SaysWhyThereIsNoAnswer) {
  server.Start();
  const OutboundRequest request = To("/hook");
  server.server->Stop(std::chrono::milliseconds(0));
  const Result<int> outcome = client.Post(request);
  ASSERT_FALSE(outcome);
  EXPECT_FALSE(outcome.error().fact("detail").empty());
  EXPECT_FALSE(client.Post({.url = "file:///etc/hostname", .headers = {}, .body = ""}));
}

TEST_F(ClientTest, StopBreaksOffWhatIsBeingSent) {
  Gate asked, answer;
  server.handler.handle = [&](const RequestHead&, std::string, bool) {
    asked.Open();
    answer.Await();
    return TextResponse(200, "text/plain", "");
  };
  server.Start();
  std::thread stopper([&] {
    asked.Await();
    client.Stop();
  });
  EXPECT_FALSE(client.Post(To("/hook")));  // well before its timeout, or this test's
  stopper.join();
  answer.Open();
  EXPECT_FALSE(client.Post(To("/hook")));
}

}  // namespace
}  // namespace entrepot::http
