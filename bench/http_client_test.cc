#include "bench/http_client.h"

#include <sys/socket.h>

#include <gtest/gtest.h>

namespace entrepot::bench {
namespace {

using Progress = ResponseReader::Progress;

/// A reader with a server's end to write to.
class ResponseReaderTest : public testing::Test {
 protected:
  ResponseReaderTest() {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    client_ = UniqueFd(ends[0]);
    server_ = UniqueFd(ends[1]);
  }

  /// What the reader says after it has taken all that was sent.
  Progress Send(std::string_view text) {
    EXPECT_TRUE(SendAll(server_.get(), text));
    return Drain();
  }
  Progress Drain() {
    Progress progress;
    std::uint8_t byte;
    do {
      progress = reader_.ReadFrom(client_.get());
    } while (progress == Progress::kWaiting && recv(client_.get(), &byte, 1, MSG_PEEK) >= 0);
    return progress;
  }

  UniqueFd client_, server_;
  ResponseReader reader_;
};

TEST_F(ResponseReaderTest, TakesAnAnswerInPieces) {
  reader_.Expect(false);
  EXPECT_EQ(Send("HTTP/1.1 202 Acc"), Progress::kWaiting);
  EXPECT_EQ(Send("epted\r\ncontent-LENGTH: 5\r\nLocation:  /v2/x \r\n\r"), Progress::kWaiting);
  EXPECT_EQ(Send("\nab"), Progress::kWaiting);
  EXPECT_EQ(Send("cde"), Progress::kComplete);
  EXPECT_EQ(reader_.head().status, 202);
  EXPECT_EQ(reader_.head().location, "/v2/x");
  EXPECT_EQ(reader_.body_bytes(), 5u);
  EXPECT_FALSE(reader_.head().close);
}

TEST_F(ResponseReaderTest, KeepsNothingForTheNextAnswer) {
  reader_.Expect(false);
  EXPECT_EQ(Send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab"), Progress::kComplete);
  EXPECT_TRUE(reader_.head().close);
  reader_.Expect(false);
  EXPECT_EQ(Send("HTTP/1.1 204 No Content\r\n\r\n"), Progress::kComplete);
  EXPECT_FALSE(reader_.head().close);
  EXPECT_EQ(reader_.body_bytes(), 0u);
}

TEST_F(ResponseReaderTest, AHeadAnswerHasNoBodyWhateverItsLengthSays) {
  reader_.Expect(true);
  EXPECT_EQ(Send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"), Progress::kComplete);
  EXPECT_EQ(reader_.body_bytes(), 0u);
}

TEST_F(ResponseReaderTest, ABodyCutShortIsBroken) {
  reader_.Expect(false);
  EXPECT_EQ(Send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab"), Progress::kWaiting);
  server_.reset();
  EXPECT_EQ(reader_.ReadFrom(client_.get()), Progress::kBroken);
}

TEST_F(ResponseReaderTest, MoreThanTheBodyIsBroken) {
  reader_.Expect(false);
  EXPECT_EQ(Send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nab"), Progress::kBroken);
}

TEST_F(ResponseReaderTest, ABodyOfUnknownLengthIsBroken) {
  reader_.Expect(false);
  EXPECT_EQ(Send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), Progress::kBroken);
}

TEST_F(ResponseReaderTest, WhatIsNotHttpIsBroken) {
  reader_.Expect(false);
  EXPECT_EQ(Send("SSH-2.0-server\r\n\r\n"), Progress::kBroken);
}

}  // namespace
}  // namespace entrepot::bench
