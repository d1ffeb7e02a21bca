// The connection's cycle over real sockets: heads, answers, limits, deadlines, drain.

#include "http/server.h"

#include <fcntl.h>
#include <fstream>

#include "http/test_server.h"

namespace entrepot::http {
namespace {

constexpr std::string_view kGetInline = "GET /inline HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr std::string_view kGetWorker = "GET /worker HTTP/1.1\r\nHost: a\r\n\r\n";

class ServerTest : public testing::Test, public TestServer {};

TEST_F(ServerTest, AnswersFromTheLoopAndFromWorkersOnOneConnection) {
  Start();
  TestClient client(port);
  for (int i = 0; i < 3; ++i) {
    const Answered inline_answer = client.Ask(kGetInline);
    EXPECT_EQ(inline_answer.status, 200);
    EXPECT_EQ(inline_answer.body, "inline");
    EXPECT_EQ(inline_answer.Field("Content-Type"), "text/plain");
    EXPECT_EQ(inline_answer.Field("Date").size(), 29u);
    EXPECT_EQ(inline_answer.Field("Connection"), "");
    EXPECT_EQ(client.Ask(kGetWorker).body, "body:");
  }
  EXPECT_EQ(handler.handled, 3);
  const ServerCounters counters = server->counters();
  EXPECT_EQ(counters.connections_accepted, 1u);
  EXPECT_EQ(counters.connections_open, 1u);
  EXPECT_EQ(counters.requests, 6u);
  EXPECT_EQ(counters.answered_inline, 3u);
  EXPECT_GT(counters.bytes_sent, 6u);
}

TEST_F(ServerTest, AnswersPipelinedRequestsInOrder) {
  Start();
  TestClient client(port);
  std::string requests;
  constexpr int kRequests = 2000;  // more than one buffer and more than one turn
  for (int i = 0; i < kRequests; ++i) requests += i % 100 == 50 ? kGetWorker : kGetInline;
  std::thread sender([&] { EXPECT_TRUE(client.Send(requests)); });
  for (int i = 0; i < kRequests; ++i)
    ASSERT_EQ(client.Receive().body, i % 100 == 50 ? "body:" : "inline") << i;
  sender.join();
}

TEST_F(ServerTest, ReadsHeadsThatArriveByteByByteAndSkipsEmptyLines) {
  Start();
  TestClient client(port);
  for (const char c : "\r\n" + std::string(kGetInline)) ASSERT_TRUE(client.Send({&c, 1}));
  EXPECT_EQ(client.Receive().body, "inline");
  EXPECT_EQ(client.Ask("\r\n\r\n" + std::string(kGetInline)).body, "inline");
}

TEST_F(ServerTest, LeavesTheBodyOutForHeadAndKeepsItsLength) {
  handler.try_answer = [](const RequestHead& head, Response& response) {
    if (head.path == "/known") {
      response.head_length = 12345;
    } else if (head.path == "/unchanged") {
      response.status = 304;
    } else if (head.path == "/none") {
      response.status = 204;
    } else {
      response = TextResponse(200, "text/plain", "12345");
    }
    return true;
  };
  Start();
  TestClient client(port);
  EXPECT_EQ(client.Ask("HEAD /text HTTP/1.1\r\nHost: a\r\n\r\n", true).Field("Content-Length"), "5");
  EXPECT_EQ(client.Ask("HEAD /known HTTP/1.1\r\nHost: a\r\n\r\n", true).Field("Content-Length"), "12345");
  EXPECT_EQ(client.Ask("GET /unchanged HTTP/1.1\r\nHost: a\r\n\r\n").Field("Content-Length"), "");
  EXPECT_EQ(client.Ask("GET /none HTTP/1.1\r\nHost: a\r\n\r\n").Field("Content-Length"), "");
  EXPECT_EQ(client.Ask("GET /text HTTP/1.1\r\nHost: a\r\n\r\n").body, "12345");
}

TEST_F(ServerTest, ClosesBehindHttp10AndConnectionClose) {
  Start();
  for (const std::string_view request : {"GET /inline HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n",
                                         "GET /inline HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"}) {
    TestClient client(port);
    const Answered answer = client.Ask(request);
    EXPECT_EQ(answer.body, "inline");
    EXPECT_EQ(answer.Field("Connection"), "close");
    EXPECT_EQ(client.ReadToEnd(), TestClient::End::kClean);
  }
}

TEST_F(ServerTest, RefusesAndClosesWhatTheGuardRefuses) {
  Start();
  const std::vector<std::pair<std::string, int>> cases = {
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\nhello", 400},
      {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +2\r\n\r\nhi", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2, 2\r\n\r\nhi", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length : 2\r\n\r\nhi", 400},
      {"GET / HTTP/1.1\nHost: a\n\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: a\r\n b\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2;x\n\r\nhi\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0x2\r\nhi\r\n0\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nAuthorization: a\r\nAuthorization: b\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nRange: bytes=0-\r\nrange: bytes=1-\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nX-Amz-Date: a\r\nx-amz-date: b\r\n\r\n", 400},
      {"POST / HTTP/1.1\r\nHost: a\r\nExpect: teapot\r\nContent-Length: 2\r\n\r\n", 417},
      {"GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505},
  };
  for (const auto& [request, status] : cases) {
    TestClient client(port);
    const Answered answer = client.Ask(request + std::string(kGetInline));
    EXPECT_EQ(answer.status, status) << request;
    EXPECT_EQ(answer.Field("Connection"), "close") << request;
    EXPECT_EQ(answer.Field("X-Content-Type-Options"), "nosniff") << request;
    EXPECT_EQ(answer.Field("Content-Security-Policy"), "sandbox; default-src 'none'") << request;
    EXPECT_EQ(answer.Field("Content-Disposition"), "attachment") << request;
    EXPECT_EQ(client.ReadToEnd(), TestClient::End::kClean) << request;
    EXPECT_EQ(client.received(), "") << "a second answer to " << request;
  }
  EXPECT_EQ(handler.handled, 0);
  EXPECT_EQ(server->counters().protocol_errors, cases.size());
}

TEST_F(ServerTest, BoundsTheHead) {
  options.limits.head_bytes = 1024;
  options.limits.header_fields = 5;
  Start();
  const auto with_field = [](std::size_t size) {
    return "GET /inline HTTP/1.1\r\nHost: a\r\nX: " + std::string(size, 'x') + "\r\n\r\n";
  };
  TestClient fitting(port);
  const std::size_t overhead = with_field(0).size();
  EXPECT_EQ(fitting.Ask(with_field(1024 - overhead)).status, 200);
  EXPECT_EQ(fitting.Ask(with_field(1024 - overhead)).status, 200) << "a second head has the same room";
  EXPECT_EQ(TestClient(port).Ask(with_field(1025 - overhead)).status, 431);
  EXPECT_EQ(TestClient(port)
                .Ask("GET /inline HTTP/1.1\r\nHost: a\r\nA: 1\r\nB: 1\r\nC: 1\r\nD: 1\r\nE: 1\r\n\r\n")
                .status,
            431);
}

TEST_F(ServerTest, LetsTooManyConnectionsWait) {
  options.limits.connections = 2;
  Start();
  TestClient first(port), second(port), third(port);
  EXPECT_EQ(first.Ask(kGetInline).status, 200);
  EXPECT_EQ(second.Ask(kGetInline).status, 200);
  ASSERT_TRUE(third.Send(kGetInline));
  EXPECT_EQ(first.Ask(kGetInline).status, 200);
  EXPECT_EQ(server->counters().connections_accepted, 2u);
  first.Close();
  EXPECT_EQ(third.Receive().status, 200);
}

TEST_F(ServerTest, RefusesWhenTheWorkersAreFull) {
  TestServer full(1);
  Gate gate;
  full.handler.handle = [&](const RequestHead&, std::string, bool) {
    gate.Await();
    return TextResponse(200, "text/plain", "done");
  };
  full.Start();
  std::vector<std::unique_ptr<TestClient>> clients;
  for (int i = 0; i < 2; ++i) {  // both workers
    clients.push_back(std::make_unique<TestClient>(full.port));
    ASSERT_TRUE(clients.back()->Send(kGetWorker));
    ASSERT_TRUE(Eventually([&] { return full.handler.handled == i + 1; }));
  }
  clients.push_back(std::make_unique<TestClient>(full.port));  // the one place in the queue
  ASSERT_TRUE(clients.back()->Send(kGetWorker));
  ASSERT_TRUE(Eventually([&] { return full.workers.waiting() == 1; }));

  TestClient refused(full.port);
  const Answered busy = refused.Ask(kGetWorker);
  EXPECT_EQ(busy.status, 503);
  EXPECT_EQ(busy.Field("Retry-After"), "1");
  EXPECT_EQ(refused.Ask(kGetInline).status, 200) << "the connection goes on";
  EXPECT_EQ(full.server->counters().refused, 1u);
  gate.Open();
  for (const auto& client : clients) EXPECT_EQ(client->Receive().body, "done");
}

TEST_F(ServerTest, CutsOffSilentAndSlowClients) {
  options.limits.idle = options.limits.head = std::chrono::seconds(1);
  Start();
  TestClient idle(port), slow(port), between(port);
  ASSERT_TRUE(slow.Send("GET / HT"));
  EXPECT_EQ(between.Ask(kGetInline).status, 200);
  EXPECT_EQ(idle.ReadToEnd(), TestClient::End::kClean);
  EXPECT_NE(slow.ReadToEnd(), TestClient::End::kOpen);
  EXPECT_EQ(between.ReadToEnd(), TestClient::End::kClean);
  EXPECT_EQ(server->counters().timeouts, 3u);
}

TEST_F(ServerTest, SpeaksIpv6AndTellsWhoAsks) {
  std::vector<Peer> peers;
  handler.try_answer = [&](const RequestHead& head, Response&) {
    peers.push_back(*head.peer);
    return true;
  };
  options.listen = {{"::", 0, nullptr}};
  Start();
  TestClient ipv6(port, true);
  if (!ipv6.connected()) GTEST_SKIP() << "this machine has no IPv6 loopback";
  EXPECT_EQ(ipv6.Ask(kGetInline).status, 200);
  EXPECT_EQ(TestClient(port).Ask(kGetInline).status, 200);
  ASSERT_EQ(peers.size(), 2u);
  EXPECT_EQ(peers[0].address, "::1");
  EXPECT_EQ(peers[1].address, "127.0.0.1");
  for (const Peer& peer : peers) {
    EXPECT_TRUE(peer.loopback);
    EXPECT_FALSE(peer.tls);
    EXPECT_NE(peer.port, 0);
  }
}

TEST_F(ServerTest, ListensOnIpv4AndIpv6OfOnePortBesideEachOther) {
  TestServer probe;  // finds a port that is free
  probe.Start();
  const std::uint16_t free = probe.port;
  probe.server.reset();
  options.listen = {{"::", free, nullptr}, {"127.0.0.1", free, nullptr}, {"127.0.0.2", 0, nullptr}};
  Start();
  EXPECT_EQ(TestClient(free).Ask(kGetInline).status, 200);
  EXPECT_NE(server->addresses()[2].port, 0);
  TestClient ipv6(free, true);
  if (!ipv6.connected()) GTEST_SKIP() << "this machine has no IPv6 loopback";
  EXPECT_EQ(ipv6.Ask(kGetInline).status, 200);
}

TEST_F(ServerTest, SharesItsPortBetweenLoopsButNotWithAnotherServer) {
  options.loops = 3;
  Start();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(TestClient(port).Ask(kGetInline).status, 200);

  TestServer second;
  second.options.listen = {{"127.0.0.1", port, nullptr}};
  const auto refused = Server::Start(second.options);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kConfiguration);
  EXPECT_NE(refused.error().fact("detail").find("127.0.0.1:" + std::to_string(port)), std::string_view::npos);

  second.options.listen = {{"not-an-address", 0, nullptr}};
  EXPECT_FALSE(Server::Start(second.options));
}

TEST_F(ServerTest, DrainsRequestsInProgressAndEndsIdleOnes) {
  Gate gate;
  handler.handle = [&](const RequestHead&, std::string, bool) {
    gate.Await();
    return TextResponse(200, "text/plain", "finished");
  };
  Start();
  TestClient idle(port), busy(port), half(port);
  EXPECT_EQ(idle.Ask(kGetInline).status, 200);
  constexpr std::string_view kHalf = "GET /inline HTTP/1.1\r\n";
  ASSERT_TRUE(half.Send(kHalf));
  ASSERT_TRUE(busy.Send(kGetWorker));
  constexpr std::size_t kSent = kGetInline.size() + kHalf.size() + kGetWorker.size();
  ASSERT_TRUE(Eventually([&] { return handler.handled == 1 && server->counters().bytes_received == kSent; }));
  std::thread stopper([&] { server->Stop(std::chrono::seconds(10)); });
  EXPECT_EQ(idle.ReadToEnd(), TestClient::End::kClean);
  const Answered refused = half.Ask("Host: a\r\n\r\n");
  EXPECT_EQ(refused.status, 503);
  EXPECT_EQ(refused.body, "draining");
  EXPECT_FALSE(TestClient(port).connected());
  gate.Open();
  const Answered answer = busy.Receive();
  EXPECT_EQ(answer.body, "finished");
  EXPECT_EQ(answer.Field("Connection"), "close");
  EXPECT_EQ(busy.ReadToEnd(), TestClient::End::kClean);
  stopper.join();
  server->Stop(std::chrono::seconds(0));  // again: nothing happens
  EXPECT_EQ(server->counters().connections_open, 0u);
}

TEST_F(ServerTest, CutsOffWhatOutlivesTheGrace) {
  handler.try_answer = [](const RequestHead&, Response& response) {
    response = TextResponse(200, "text/plain", std::string(64 << 20, 'x'));
    return true;
  };
  Start();
  TestClient stuck(port, false, 4096);
  ASSERT_TRUE(stuck.Send(kGetInline));
  ASSERT_TRUE(Eventually([&] { return server->counters().bytes_sent > 0; }));
  server->Stop(std::chrono::milliseconds(50));
  EXPECT_EQ(server->counters().connections_open, 0u);
  EXPECT_EQ(stuck.Receive().status, 0);
}

}  // namespace
}  // namespace entrepot::http
