#include "http/source_budget.h"

#include "http/test_server.h"

namespace entrepot::http {
namespace {

const IpAddress kOne = *IpAddress::Parse("203.0.113.1"), kOther = *IpAddress::Parse("2001:db8::1");

TEST(SourceBudget, EachSourceHasAShareOfItsOwn) {
  SourceBudget budget(100);
  SourceHold first(budget, kOne), second(budget, kOne), other(budget, kOther);
  EXPECT_TRUE(first.Grow(60));
  EXPECT_FALSE(second.Grow(41));
  EXPECT_TRUE(second.Grow(40));
  EXPECT_FALSE(first.Grow(61));
  EXPECT_TRUE(other.Grow(100));
  EXPECT_EQ(budget.sources(), 2u);
}

TEST(SourceBudget, WhatIsGivenBackIsForgotten) {
  SourceBudget budget(100);
  {
    SourceHold hold(budget, kOne);
    ASSERT_TRUE(hold.Grow(100));
    hold.Release();
    EXPECT_TRUE(hold.Grow(100));
  }
  SourceHold refused(budget, kOne);
  EXPECT_FALSE(refused.Grow(101));
  EXPECT_EQ(budget.sources(), 0u);
}

class BodyCheckTest : public testing::Test, public TestServer {
 protected:
  BodyCheckTest() { handler.plan = {.buffer_up_to = 8u << 20, .check_head = true}; }
  static std::string Head(std::size_t length) {
    return "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(length) + "\r\n\r\n";
  }
};

TEST_F(BodyCheckTest, ALargeBodyIsNotReceivedBeforeItsHeadIsGood) {
  std::atomic<int> checked{0};
  handler.check_head = [&](const RequestHead&) {
    ++checked;
    return TextResponse(403, "text/plain", "who are you");
  };
  Start();
  TestClient client(port);
  const Answered answer = client.Ask(Head(1 << 20));  // and not a byte of the body
  EXPECT_EQ(answer.status, 403);
  EXPECT_EQ(answer.Field("Connection"), "close");
  EXPECT_EQ(handler.handled, 0);
  EXPECT_EQ(TestClient(port).Ask(Head(4) + "body").body, "body:body") << "a small one is cheaper to receive";
  EXPECT_EQ(checked, 1);
}

TEST_F(BodyCheckTest, ALargeBodyWithAGoodHeadIsHandled) {
  Start();
  const std::string body = Pattern(1 << 20);
  const Answered answer = TestClient(port).Ask(Head(body.size()) + body);
  EXPECT_EQ(answer.status, 200);
  EXPECT_TRUE(answer.body == "body:" + body);
}

TEST_F(BodyCheckTest, OneSourceCannotTakeAllMemory) {
  options.limits.body_memory = 8u << 20;  // of which a source has the half
  Start();
  TestClient first(port), second(port);
  ASSERT_TRUE(first.Send(Head(4 << 20) + Pattern(1 << 20)));
  ASSERT_TRUE(Eventually([&] {
    TestClient probe(port);
    return probe.Ask(Head(4 << 20) + Pattern(1 << 20)).status == 503;
  }));
  first.Close();
  EXPECT_TRUE(Eventually([&] {
    const std::string body = Pattern(1 << 20);
    return TestClient(port).Ask(Head(body.size()) + body).status == 200;
  })) << "a share is given back when its connection ends";
}

}  // namespace
}  // namespace entrepot::http
