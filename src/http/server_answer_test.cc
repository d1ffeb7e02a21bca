// Bodies of answers over real sockets: shared text, sources, files hot and cold.

#include <fcntl.h>
#include <fstream>

#include "http/test_server.h"

namespace entrepot::http {
namespace {

struct SourceLog {
  std::atomic<int> reads{0}, destroyed{0};
  std::atomic<std::size_t> largest{0};  // asked for at once
};

/// Gives `text` in full buffers; fails at `fail_at`.
class TextSource : public BodySource {
 public:
  TextSource(SourceLog& log, const std::string& text, std::size_t fail_at = SIZE_MAX)
      : log_(log), text_(text), fail_at_(fail_at) {}
  ~TextSource() override { ++log_.destroyed; }
  std::uint64_t length() const override { return text_.size(); }
  Result<std::size_t> Read(MutableBytes out) override {
    ++log_.reads;
    log_.largest = std::max(log_.largest.load(), out.size());
    if (read_ >= fail_at_) return Fail(ErrorCode::kDamaged);
    const std::size_t count = std::min(out.size(), text_.size() - read_);
    std::memcpy(out.data(), text_.data() + read_, count);
    read_ += count;
    return count;
  }

 private:
  SourceLog& log_;
  const std::string& text_;
  const std::size_t fail_at_;
  std::size_t read_ = 0;
};

class ServerAnswerTest : public testing::Test, public TestServer {
 protected:
  /// The client asks, and this is the answer's body.
  void Serve(std::function<Body()> body) {
    handler.handle = [body = std::move(body)](const RequestHead&, std::string, bool) {
      Response response;
      response.body = body();
      return response;
    };
    Start();
  }
  static constexpr std::string_view kGet = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
};

TEST_F(ServerAnswerTest, SendsSharedText) {
  const auto text = std::make_shared<const std::string>(Pattern(3 << 20));
  Serve([&] { return SharedText(text); });
  TestClient client(port);
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(client.Ask(kGet).body == *text);
}

TEST_F(ServerAnswerTest, SendsSourcesOfEverySize) {
  for (const std::size_t size : {0u, 1u, 1000u, 256u << 10, (256u << 10) + 1, 3u << 20}) {
    SourceLog log;
    TestServer one;
    const std::string text = Pattern(size);
    one.handler.handle = [&](const RequestHead&, std::string, bool) {
      Response response;
      response.body = std::make_unique<TextSource>(log, text);
      return response;
    };
    one.Start();
    TestClient client(one.port);
    EXPECT_TRUE(client.Ask(kGet).body == text) << size;
    EXPECT_TRUE(client.Ask(kGet).body == text) << size;
    EXPECT_TRUE(Eventually([&] { return log.destroyed == 2; }));
  }
}

TEST_F(ServerAnswerTest, ASourceThatFailsNeverLooksComplete) {
  const std::string text = Pattern(3 << 20);
  SourceLog log;
  for (const std::size_t fail_at : {std::size_t{0}, std::size_t{1 << 20}}) {
    TestServer one;
    one.handler.handle = [&](const RequestHead&, std::string, bool) {
      Response response;
      response.body = std::make_unique<TextSource>(log, text, fail_at);
      return response;
    };
    one.Start();
    TestClient client(one.port);
    ASSERT_TRUE(client.Send(kGet));
    EXPECT_EQ(client.ReadToEnd(), TestClient::End::kReset);
    EXPECT_LT(client.received().size(), text.size());
  }
}

TEST_F(ServerAnswerTest, ASourceGoesWithItsClientAndItsMemoryComesBack) {
  const std::string text = Pattern(64 << 20);
  SourceLog log;
  options.limits.body_memory = 4 << 20;
  Serve([&] { return std::make_unique<TextSource>(log, text); });
  for (int i = 1; i <= 12; ++i) {  // twelve times 512 KiB would not fit if it stayed away
    TestClient client(port, false, 4096);
    ASSERT_TRUE(client.Send(kGet));
    ASSERT_TRUE(Eventually([&] { return log.reads >= 2; }));
    client.Reset();
    ASSERT_TRUE(Eventually([&] { return log.destroyed == i; }));
    log.reads = 0;
  }
}

TEST_F(ServerAnswerTest, ALongBodyHasLargeBuffersWhileMemoryIsPlenty) {
  const std::string text = Pattern(64 << 20);
  SourceLog log;
  options.limits.body_memory = 4 << 20;
  Serve([&] { return std::make_unique<TextSource>(log, text); });
  TestClient first(port, false, 4096), second(port, false, 4096);
  for (const auto& [client, expected] : {std::pair(&first, 1u << 20), std::pair(&second, 256u << 10)}) {
    log.reads = 0;
    log.largest = 0;
    ASSERT_TRUE(client->Send(kGet));
    ASSERT_TRUE(Eventually([&] { return log.reads >= 2; }));
    EXPECT_EQ(log.largest, expected);
  }
  first.Reset();
  second.Reset();
  EXPECT_TRUE(Eventually([&] { return log.destroyed == 2; }));
}

TEST_F(ServerAnswerTest, ManySlowReadersShareTheBudget) {
  const std::string text = Pattern(2 << 20);
  SourceLog log;
  options.limits.body_memory = 4 << 20;
  Serve([&] { return std::make_unique<TextSource>(log, text); });
  std::vector<std::thread> threads;
  for (int i = 0; i < 20; ++i)
    threads.emplace_back([&] { EXPECT_TRUE(TestClient(port).Ask(kGet).body == text); });
  for (std::thread& thread : threads) thread.join();
}

class FileAnswerTest : public ServerAnswerTest {
 protected:
  std::shared_ptr<const UniqueFd> Write(const std::string& content) {
    const std::string path = directory_ / "file";
    std::ofstream(path, std::ios::binary) << content;
    path_ = path;
    auto file = std::make_shared<UniqueFd>(::open(path.c_str(), O_RDWR | O_CLOEXEC));
    EXPECT_TRUE(file->valid());
    return file;
  }
  /// Drops the file from the page cache.
  static void Cool(const UniqueFd& file) {
    ::fdatasync(file.get());
    ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
  }
  ScratchDirectory directory_;
  std::string path_;
};

TEST_F(FileAnswerTest, SendsHotAndColdFilesAndRangesOfThem) {
  const std::string content = Pattern((9 << 20) + 77);
  const auto file = Write(content);
  FileRange range{file, 0, content.size()};
  Serve([&] { return range; });
  TestClient client(port);
  for (const auto& [offset, length] :
       std::vector<std::pair<std::size_t, std::size_t>>{{0, content.size()},
                                                        {0, 1},
                                                        {5, 0},
                                                        {content.size() - 1, 1},
                                                        {12'345, 32 << 10},
                                                        {3, (32 << 10) + 1},
                                                        {1 << 20, 5 << 20}}) {
    range.offset = offset;
    range.length = length;
    EXPECT_TRUE(client.Ask(kGet).body == content.substr(offset, length)) << offset << " " << length << " hot";
    Cool(*file);
    EXPECT_TRUE(client.Ask(kGet).body == content.substr(offset, length))
        << offset << " " << length << " cold";
  }
}

TEST_F(FileAnswerTest, AFileThatBecameShorterNeverLooksComplete) {
  const std::string content = Pattern(1 << 20);
  const auto file = Write(content);
  Serve([&] { return FileRange{file, 0, content.size() + 100}; });
  TestClient client(port);
  ASSERT_TRUE(client.Send(kGet));
  EXPECT_EQ(client.ReadToEnd(), TestClient::End::kReset);
}

TEST_F(FileAnswerTest, OneFastReaderDoesNotStarveTheLoop) {
  const std::string content = Pattern(16 << 20);
  const auto file = Write(content);
  Serve([&] { return FileRange{file, 0, content.size()}; });
  TestClient slow(port, false, 4096);
  ASSERT_TRUE(slow.Send(kGet));
  ASSERT_TRUE(Eventually([&] { return server->counters().bytes_sent > 0; }));
  EXPECT_EQ(TestClient(port).Ask("GET /inline HTTP/1.1\r\nHost: a\r\n\r\n").body, "inline");
}

}  // namespace
}  // namespace entrepot::http
