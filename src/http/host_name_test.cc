#include "http/host_name.h"

#include <gtest/gtest.h>

#include "http/test_server.h"

namespace entrepot::http {
namespace {

class HostNameTest : public testing::Test, public TestServer {
 protected:
  int Status(std::string_view host, std::string_view fields = "") {
    return TestClient(port)
        .Ask("GET /inline HTTP/1.1\r\nHost: " + std::string(host) + "\r\n" + std::string(fields) + "\r\n")
        .status;
  }
};

TEST_F(HostNameTest, NoRequestReachesAHandlerWithAnotherHost) {
  std::atomic<int> seen = 0;
  handler.try_answer = [&](const RequestHead&, Response& response) {
    ++seen;
    response = TextResponse(200, "text/plain", "seen");
    return true;
  };
  Start();
  for (const char* host : {"localhost", "127.0.0.1:5000", "[::1]", "[::1]:5000", "a-b.c9:65535"})
    EXPECT_EQ(Status(host), 200) << host;
  EXPECT_EQ(seen, 5);
  for (const char* host : {"LOCALHOST", "a_b", "a.", "a:0", "a:b", "[::FF]", "::1", "a..b"})
    EXPECT_EQ(Status(host), 400) << host;
  EXPECT_EQ(seen, 5);
}

TEST_F(HostNameTest, TheRefusalOfHeadHasNoBody) {
  Start();
  TestClient client(port);
  const Answered answer = client.Ask("HEAD /inline HTTP/1.1\r\nHost: A\r\n\r\n", true);
  EXPECT_EQ(answer.status, 400);
  EXPECT_NE(answer.Field("Content-Length"), "0");
  EXPECT_EQ(client.ReadToEnd(), TestClient::End::kClean);
  EXPECT_EQ(client.received(), "");
}

TEST_F(HostNameTest, BehindAProxyOnlyTheHostThatItSaysCounts) {
  options.trusted_proxies = {*AddressRange::Parse("127.0.0.1")};
  Start();
  EXPECT_NE(Status("my_upstream", "X-Forwarded-Host: registry.test\r\n"), 400);
  EXPECT_EQ(Status("registry.test", "X-Forwarded-Host: Registry.Test\r\n"), 400);
  EXPECT_EQ(Status("my_upstream"), 400);
}

}  // namespace
}  // namespace entrepot::http
