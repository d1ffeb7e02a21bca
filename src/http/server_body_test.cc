// Bodies of requests over real sockets: buffering, sinks, backpressure, disconnects.

#include <fcntl.h>
#include <fstream>
#include <mutex>

#include "base/digest.h"
#include "http/body_memory.h"
#include "http/test_server.h"

namespace entrepot::http {
namespace {

std::string Chunked(std::string_view body, std::size_t chunk) {
  std::string encoded;
  for (; !body.empty(); body.remove_prefix(std::min(chunk, body.size()))) {
    const std::string_view part = body.substr(0, chunk);
    encoded += fmt::format("{:x}\r\n{}\r\n", part.size(), part);
  }
  return encoded + "0\r\nTrailer: dropped\r\n\r\n";
}

std::string Put(std::string_view path, std::string_view fields, std::string_view body) {
  return fmt::format("PUT {} HTTP/1.1\r\nHost: a\r\n{}\r\n{}", path, fields, body);
}
std::string PutWithLength(std::string_view path, std::string_view body) {
  return Put(path, fmt::format("Content-Length: {}\r\n", body.size()), body);
}
std::string PutChunked(std::string_view path, std::string_view body, std::size_t chunk) {
  return Put(path, "Transfer-Encoding: chunked\r\n", Chunked(body, chunk));
}

/// What happened to the sinks of one server; outlives them.
struct SinkLog {
  std::mutex mutex;
  std::string received;
  std::vector<Block> held;  // while `hold`
  std::atomic<int> appended{0}, finished{0}, aborted{0}, most_held{0};
  std::atomic<bool> hold{false}, failed{false}, ahead{false}, at_once{false};
  std::atomic<bool> misaligned{false};

  void LetGo() {
    std::vector<Block> blocks;
    std::lock_guard lock(mutex);
    blocks.swap(held);
  }
};

class LoggingSink : public BodySink {
 public:
  explicit LoggingSink(SinkLog& log) : log_(log) {}
  void Append(Block block) override {
    std::lock_guard lock(log_.mutex);
    if (reinterpret_cast<std::uintptr_t>(block.bytes().data()) % 4096 != 0) log_.misaligned = true;
    log_.received += AsText(block.bytes());
    ++log_.appended;
    if (log_.hold) log_.held.push_back(std::move(block));
    log_.most_held = std::max(log_.most_held.load(), static_cast<int>(log_.held.size()));
  }
  bool failed() const noexcept override { return log_.failed; }
  bool finishes_ahead() const noexcept override { return log_.ahead; }
  bool TryFinish(Response& response) override {
    if (log_.at_once) response = TextResponse(202, "text/plain", "taken at once");
    return log_.at_once;
  }
  Response Finish() override {
    ++log_.finished;
    return TextResponse(log_.failed ? 507 : 201, "text/plain", log_.failed ? "failed" : "stored");
  }
  void Abort() override { ++log_.aborted; }

 private:
  SinkLog& log_;
};

class ServerBodyTest : public testing::Test, public TestServer {
 protected:
  ServerBodyTest() {
    handler.handle = [this](const RequestHead& head, std::string body, bool pending) -> Reply {
      if (head.path == "/early") return TextResponse(403, "text/plain", "early");
      if (pending) return std::make_unique<LoggingSink>(log);
      return TextResponse(200, "text/plain", "body:" + body);
    };
    handler.plan = {64 << 10, true};
  }
  ~ServerBodyTest() override { server.reset(); }

  SinkLog log;
};

TEST_F(ServerBodyTest, BuffersSmallBodiesOfBothFramings) {
  Start();
  TestClient client(port);
  for (const std::size_t size :
       {std::size_t{1}, std::size_t{1000}, std::size_t{20'000}, std::size_t{64 << 10}}) {
    const std::string body = Pattern(size);
    EXPECT_EQ(client.Ask(PutWithLength("/", body)).body, "body:" + body);
    EXPECT_EQ(client.Ask(PutChunked("/", body, 777)).body, "body:" + body);
  }
  EXPECT_EQ(client.Ask(PutWithLength("/", "")).body, "body:");
  EXPECT_EQ(client.Ask(PutChunked("/", "", 1)).body, "body:");
}

TEST_F(ServerBodyTest, KeepsRequestsApartThatArriveTogether) {
  Start();
  TestClient client(port);
  ASSERT_TRUE(
      client.Send(PutChunked("/", "first", 2) + PutWithLength("/", "second") + PutChunked("/", "third", 9)));
  EXPECT_EQ(client.Receive().body, "body:first");
  EXPECT_EQ(client.Receive().body, "body:second");
  EXPECT_EQ(client.Receive().body, "body:third");
}

TEST_F(ServerBodyTest, StreamsLargeBodiesIntoTheSink) {
  Start();
  TestClient client(port);
  const std::string body = Pattern((5 << 20) + 12'345);
  EXPECT_EQ(client.Ask(PutWithLength("/", body)).body, "stored");
  EXPECT_TRUE(log.received == body);
  EXPECT_EQ(log.appended, 6);
  log.received.clear();
  EXPECT_EQ(client.Ask(PutChunked("/", body, 32 << 10)).body, "stored");
  EXPECT_TRUE(log.received == body);
  EXPECT_EQ(log.finished, 2);
  EXPECT_EQ(log.aborted, 0);
  EXPECT_FALSE(log.misaligned);
  EXPECT_EQ(client.Ask(PutWithLength("/", "x")).body, "body:x") << "the connection goes on";
}

TEST_F(ServerBodyTest, ABodyMayBeTakenAndAnsweredWithoutAWorker) {
  handler.try_receive = [this](const RequestHead& head) {
    return head.path == "/known" ? std::make_unique<LoggingSink>(log) : nullptr;
  };
  log.at_once = true;
  Start();
  TestClient client(port);
  const std::string body = Pattern(1 << 20);
  EXPECT_EQ(client.Ask(PutWithLength("/known", body)).body, "taken at once");
  EXPECT_EQ(handler.handled, 0);
  EXPECT_TRUE(log.received == body);
  EXPECT_EQ(client.Ask(PutWithLength("/other", body)).status, 202);
  EXPECT_EQ(handler.handled, 1);
  EXPECT_EQ(client.Ask(PutWithLength("/known", "small")).body, "body:small")
      << "what is buffered is not asked of";
  log.at_once = false;
  EXPECT_EQ(client.Ask(PutWithLength("/known", body)).body, "stored");
  log.failed = log.at_once = true;
  EXPECT_EQ(client.Ask(PutWithLength("/known", body)).status, 507) << "a failure has its own answer";
  EXPECT_EQ(log.aborted, 0);
}

TEST_F(ServerBodyTest, RefusesBodiesBeyondTheLimitAndLetsTheAnswerBeRead) {
  handler.plan = {1000, false};
  Start();
  const std::string body = Pattern(8 << 20);
  for (const std::string& request : {PutWithLength("/", body), PutChunked("/", body, 5000)}) {
    TestClient client(port);
    const Answered answer = client.Ask(request);
    EXPECT_EQ(answer.status, 413);
    EXPECT_EQ(answer.Field("Connection"), "close");
    EXPECT_EQ(client.ReadToEnd(), TestClient::End::kClean);
  }
  EXPECT_EQ(TestClient(port).Ask(PutChunked("/", std::string(1001, 'x'), 100)).status, 413);
  EXPECT_EQ(TestClient(port).Ask(PutChunked("/", std::string(1000, 'x'), 100)).status, 200);
  EXPECT_EQ(handler.handled, 1);
}

TEST_F(ServerBodyTest, AnEarlyAnswerIsReadableAndClosesTheConnection) {
  Start();
  TestClient client(port);
  const Answered answer = client.Ask(PutWithLength("/early", Pattern(16 << 20)));
  EXPECT_EQ(answer.status, 403);
  EXPECT_EQ(answer.Field("Connection"), "close");
  EXPECT_EQ(client.ReadToEnd(), TestClient::End::kClean);
}

TEST_F(ServerBodyTest, SendsContinueOnlyWhenTheBodyIsAboutToBeRead) {
  Start();
  constexpr std::string_view kExpecting = "Expect: 100-continue\r\nContent-Length: {}\r\n";
  TestClient buffered(port);
  EXPECT_EQ(buffered.Ask(Put("/", "Expect: 100-continue\r\nContent-Length: 2\r\n", "")).status, 100);
  EXPECT_EQ(buffered.Ask("hi").body, "body:hi");
  EXPECT_EQ(buffered.Ask(Put("/", "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n", "")).status, 100);
  EXPECT_EQ(buffered.Ask("2\r\nhi\r\n0\r\n\r\n").body, "body:hi");
  EXPECT_EQ(buffered.Ask(Put("/", "Expect: 100-continue\r\nContent-Length: 2\r\n", "hi")).body, "body:hi")
      << "the client did not wait";

  const std::string body = Pattern(100'000);
  TestClient streamed(port);
  EXPECT_EQ(streamed.Ask(Put("/", fmt::format(kExpecting, body.size()), "")).status, 100);
  EXPECT_EQ(handler.handled, 4) << "the handler was asked first";
  EXPECT_EQ(streamed.Ask(body).body, "stored");

  TestClient refused(port);
  EXPECT_EQ(refused.Ask(Put("/early", fmt::format(kExpecting, body.size()), "")).status, 403);
  EXPECT_EQ(refused.ReadToEnd(), TestClient::End::kClean);
}

TEST_F(ServerBodyTest, HoldsTheClientBackWhileTheSinkHoldsItsBlocks) {
  log.hold = true;
  Start();
  TestClient client(port);
  const std::string body = Pattern(40 << 20);
  std::thread sender([&] { EXPECT_TRUE(client.Send(PutWithLength("/", body))); });
  ASSERT_TRUE(Eventually([&] { return log.appended == 4; }));
  // A block that is given back lets exactly one more come.
  for (int i = 5; i < 10; ++i) {
    Block one;
    {
      std::lock_guard lock(log.mutex);
      one = std::move(log.held.front());
      log.held.erase(log.held.begin());
    }
    one = Block();
    ASSERT_TRUE(Eventually([&] { return log.appended == i; }));
  }
  EXPECT_EQ(log.most_held, 4);
  EXPECT_LT(server->counters().bytes_received, std::uint64_t{11} << 20);
  log.hold = false;
  log.LetGo();
  sender.join();
  EXPECT_EQ(client.Receive().body, "stored");
  EXPECT_TRUE(log.received == body);
}

TEST_F(ServerBodyTest, ASinkThatFinishesAheadAnswersWhileItHasBlocks) {
  log.hold = log.ahead = true;
  Start();
  const std::string body(200'000, 'a');
  TestClient client(port);
  for (int i = 1; i <= 3; ++i) {
    client.Send(PutWithLength("/", body));
    EXPECT_EQ(client.Receive().status, 201);
    EXPECT_EQ(log.most_held, i);  // nothing was let go, and the next body came all the same
  }
  client.Close();
  log.LetGo();  // after the connection has gone
  TestClient next(port);
  log.hold = false;
  next.Send(PutWithLength("/", body));
  EXPECT_EQ(next.Receive().status, 201);
}

TEST_F(ServerBodyTest, StreamsWaitForTheBudgetInsteadOfFailing) {
  options.limits.body_memory = 4 << 20;
  log.hold = true;
  Start();
  const std::string body = Pattern(10 << 20);
  TestClient first(port), second(port);
  std::thread one([&] { EXPECT_TRUE(first.Send(PutWithLength("/", body))); });
  ASSERT_TRUE(Eventually([&] { return log.appended == 4; }));
  std::thread two([&] { EXPECT_TRUE(second.Send(PutWithLength("/", body))); });
  ASSERT_TRUE(Eventually([&] { return handler.handled == 2; }));
  EXPECT_EQ(TestClient(port).Ask(PutWithLength("/", Pattern(100))).status, 503)
      << "what is new does not wait";
  EXPECT_EQ(log.most_held, 4);
  log.hold = false;
  log.LetGo();
  EXPECT_EQ(first.Receive().body, "stored");
  EXPECT_EQ(second.Receive().body, "stored");
  one.join();
  two.join();
  EXPECT_EQ(log.finished, 2);
}

TEST_F(ServerBodyTest, StreamsThatBeganAsBufferedBodiesDoNotWaitForEachOther) {
  options.limits.body_memory = 4 << 20;
  handler.plan = {1 << 20, true};
  Gate gate;
  handler.handle = [&](const RequestHead&, std::string, bool) -> Reply {
    gate.Await();
    return std::make_unique<LoggingSink>(log);
  };
  Start();
  // Three beginnings of a little over 1 MiB leave less than a block free.
  const std::string request = PutChunked("/", Pattern(3 << 20), 50'000);
  std::vector<std::thread> senders;
  std::atomic<int> stored{0};
  for (int i = 0; i < 3; ++i)
    senders.emplace_back([&] { stored += TestClient(port).Ask(request).body == "stored"; });
  EXPECT_TRUE(Eventually([&] { return handler.handled + static_cast<int>(workers.waiting()) == 3; }));
  gate.Open();
  for (std::thread& sender : senders) sender.join();
  EXPECT_EQ(stored, 3);
}

TEST_F(ServerBodyTest, ADisconnectAbortsOnceWithWhatArrived) {
  Start();
  const std::string body = Pattern(3 << 20);
  for (const bool reset : {false, true}) {
    for (const bool chunked : {false, true}) {
      TestClient client(port);
      const std::string whole = chunked ? PutChunked("/", body, 10'000) : PutWithLength("/", body);
      log.received.clear();
      log.aborted = 0;
      ASSERT_TRUE(client.Send(whole.substr(0, whole.size() / 2)));
      if (!reset) {
        client.Close();
      } else {
        // A reset drops what the server has not read.
        ASSERT_TRUE(Eventually([&] { return log.appended > 0; }));
        client.Reset();
      }
      ASSERT_TRUE(Eventually([&] { return log.aborted == 1; }));
      EXPECT_GT(log.received.size(), 0u);
      EXPECT_TRUE(body.starts_with(log.received));
      if (!reset) EXPECT_GT(log.received.size(), body.size() / 2 - 20'000);
      log.appended = 0;
    }
  }
  ASSERT_TRUE(Eventually([&] { return server->counters().connections_open == 0; }));
  EXPECT_EQ(log.aborted, 1);
  EXPECT_EQ(log.finished, 0);
}

TEST_F(ServerBodyTest, BrokenChunksAbortTheSinkAndAreAnswered) {
  Start();
  TestClient client(port);
  const std::string body = Pattern(200'000);
  std::string request = PutChunked("/", body, 1000);
  request.resize(request.rfind("0\r\nTrailer"));
  const Answered answer = client.Ask(request + "broken\r\n");
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(client.ReadToEnd(), TestClient::End::kClean);
  EXPECT_EQ(log.aborted, 1);
  EXPECT_EQ(log.finished, 0);
}

TEST_F(ServerBodyTest, AFailedSinkAnswersBeforeTheBodyEnds) {
  Start();
  TestClient client(port);
  ASSERT_TRUE(client.Send(Put("/", "Content-Length: 30000000\r\n", Pattern(4 << 20))));
  ASSERT_TRUE(Eventually([&] { return log.appended >= 2; }));
  log.failed = true;
  const Answered answer = client.Ask(Pattern(4 << 20));
  EXPECT_EQ(answer.status, 507);
  EXPECT_EQ(answer.Field("Connection"), "close");
  EXPECT_EQ(client.ReadToEnd(), TestClient::End::kClean);
  EXPECT_EQ(log.finished, 1);
  EXPECT_EQ(log.aborted, 0);
}

TEST_F(ServerBodyTest, AFailedSinkIsSeenThoughTheClientSendsNothing) {
  Start();
  TestClient client(port);
  ASSERT_TRUE(client.Send(Put("/", "Content-Length: 30000000\r\n", Pattern((1 << 20) + 500))));
  ASSERT_TRUE(Eventually([&] { return log.appended == 1; }));
  log.failed = true;
  EXPECT_EQ(client.Receive().status, 507);
}

TEST_F(ServerBodyTest, CutsOffBodiesThatStall) {
  options.limits.stall = std::chrono::seconds(1);
  handler.try_answer = [](const RequestHead& head, Response& response) {
    response = TextResponse(200, "text/plain", std::string(64 << 20, 'x'));
    return head.path == "/download";
  };
  Start();
  TestClient buffered(port), streamed(port), download(port, false, 4096);
  ASSERT_TRUE(buffered.Send(Put("/", "Content-Length: 100\r\n", "x")));
  ASSERT_TRUE(streamed.Send(Put("/", "Content-Length: 100000\r\n", "x")));
  ASSERT_TRUE(download.Send("GET /download HTTP/1.1\r\nHost: a\r\n\r\n"));
  EXPECT_NE(buffered.ReadToEnd(), TestClient::End::kOpen);
  EXPECT_NE(streamed.ReadToEnd(), TestClient::End::kOpen);
  ASSERT_TRUE(Eventually([&] { return server->counters().timeouts == 3 && log.aborted == 1; }));
  ASSERT_TRUE(Eventually([&] { return server->counters().connections_open == 0; }));
}

TEST_F(ServerBodyTest, ADrainLetsAnUploadEnd) {
  Start();
  TestClient client(port);
  const std::string body = Pattern(3 << 20);
  const std::string request = PutWithLength("/", body);
  ASSERT_TRUE(client.Send(request.substr(0, request.size() / 2)));
  ASSERT_TRUE(Eventually([&] { return log.appended > 0; }));
  std::thread stopper([&] { server->Stop(std::chrono::seconds(10)); });
  ASSERT_TRUE(Eventually([&] { return !TestClient(port).connected(); }));
  const Answered answer = client.Ask(request.substr(request.size() / 2));
  stopper.join();
  EXPECT_EQ(answer.body, "stored");
  EXPECT_EQ(answer.Field("Connection"), "close");
}

}  // namespace
}  // namespace entrepot::http
