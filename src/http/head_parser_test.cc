#include "http/head_parser.h"

#include <gtest/gtest.h>

namespace entrepot::http {
namespace {

constexpr std::size_t kMostFields = 20;

// The status that a head is refused with; 0 = accepted, 1 = more bytes are awaited.
int Judge(const std::string& bytes) {
  HeadScanner scanner;
  switch (scanner.Scan(bytes)) {
    case HeadScanner::State::kMore:
      return 1;
    case HeadScanner::State::kMalformed:
      return 400;
    case HeadScanner::State::kComplete:
      break;
  }
  HeadParser parser(kMostFields);
  const auto parsed = parser.Parse(std::string_view(bytes).substr(0, scanner.length()));
  return parsed ? 0 : parsed.error().status;
}
int JudgeFields(const std::string& fields) {
  return Judge("PUT /x HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n");
}
int JudgeTarget(const std::string& target) {
  return Judge("GET " + target + " HTTP/1.1\r\nHost: a.b:5\r\n\r\n");
}

TEST(HeadParser, ReadsARequest) {
  const std::string bytes =
      "PATCH /v2/a%20b/blobs/uploads/1?x=1&y=%2F HTTP/1.1\r\nHost: localhost:5000\r\nContent-Length:  42 \r\n"
      "X-Empty:\r\nX-Many: 1\r\nx-many: 2\r\nExpect: 100-Continue\r\n\r\n";
  HeadScanner scanner;
  ASSERT_EQ(scanner.Scan(bytes + "rest"), HeadScanner::State::kComplete);
  ASSERT_EQ(scanner.length(), bytes.size());
  HeadParser parser(kMostFields);
  const auto parsed = parser.Parse(bytes);
  ASSERT_TRUE(parsed);
  const RequestHead& head = parsed->head;
  EXPECT_EQ(head.method, Method::kPatch);
  EXPECT_EQ(head.method_text, "PATCH");
  EXPECT_EQ(head.path, "/v2/a%20b/blobs/uploads/1");
  EXPECT_EQ(head.query, "x=1&y=%2F");
  EXPECT_EQ(head.host, "localhost:5000");
  EXPECT_EQ(head.content_length, 42);
  EXPECT_TRUE(head.has_body());
  EXPECT_TRUE(head.keep_alive);
  EXPECT_TRUE(parsed->expects_continue);
  EXPECT_EQ(head.Header("content-LENGTH"), "42");
  EXPECT_TRUE(head.HasHeader("x-empty"));
  EXPECT_FALSE(head.HasHeader("x-absent"));
  EXPECT_EQ(head.CountHeader("X-Many"), 2);
  EXPECT_EQ(head.Header("X-Many"), "1");
}

TEST(HeadParser, KeepsAliveOnlyOnHttp11WithoutClose) {
  const auto keep_alive = [](const std::string& bytes) {
    HeadParser parser(kMostFields);
    const auto parsed = parser.Parse(bytes);
    return parsed && parsed->head.keep_alive;
  };
  EXPECT_TRUE(keep_alive("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  EXPECT_FALSE(keep_alive("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n"));
  EXPECT_FALSE(keep_alive("GET / HTTP/1.0\r\nHost: a\r\n\r\n"));
  EXPECT_FALSE(keep_alive("GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n"));
}

TEST(HeadParser, RefusesAmbiguousFraming) {
  EXPECT_EQ(JudgeFields("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400);
  EXPECT_EQ(JudgeFields("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), 400);
  EXPECT_EQ(JudgeFields("Transfer-Encoding: gzip\r\nContent-Length: 5\r\n"), 400);
  EXPECT_EQ(JudgeFields("Transfer-Encoding: gzip\r\n"), 400);
  EXPECT_EQ(JudgeFields("Transfer-Encoding: chunked, chunked\r\n"), 400);
  EXPECT_EQ(JudgeFields("Transfer-Encoding: gzip, chunked\r\n"), 400);
  EXPECT_EQ(JudgeFields("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400);
  EXPECT_EQ(JudgeFields("Transfer-Encoding:\r\n"), 400);
  EXPECT_EQ(JudgeFields("Transfer-Encoding: \"chunked\"\r\n"), 400);
  EXPECT_EQ(Judge("POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"), 400);
  EXPECT_EQ(JudgeFields("Content-Length: 2\r\nContent-Length: 2\r\n"), 400);
  EXPECT_EQ(JudgeFields("Content-Length: 2\r\nContent-Length: 3\r\n"), 400);
  for (const char* value :
       {"+2", "2, 2", "-1", "0x2", "2 2", "", "99999999999999999999", "9223372036854775807"})
    EXPECT_EQ(JudgeFields("Content-Length: " + std::string(value) + "\r\n"), 400) << value;
  EXPECT_EQ(JudgeFields("Transfer-Encoding: Chunked\r\n"), 0);
  EXPECT_EQ(JudgeFields("Content-Length: 0\r\n"), 0);
}

TEST(HeadParser, RefusesBadSyntax) {
  EXPECT_EQ(JudgeFields("Content-Length : 2\r\n"), 400);
  EXPECT_EQ(JudgeFields("X: a\r\n b\r\n"), 400);
  EXPECT_EQ(JudgeFields("X: a\r\n\tb\r\n"), 400);
  EXPECT_EQ(JudgeFields("X: a\r\n \r\n"), 400);
  EXPECT_EQ(JudgeFields("X: a\x01"
                        "b\r\n"),
            400);
  EXPECT_EQ(JudgeFields(std::string("X: a\0b\r\n", 8)), 400);
  EXPECT_EQ(JudgeFields("X: a\rb\r\n"), 400);
  EXPECT_EQ(JudgeFields(": a\r\n"), 400);
  EXPECT_EQ(JudgeFields("no colon\r\n"), 400);
  EXPECT_EQ(Judge("GET / HTTP/1.1\nHost: a\n\n"), 400);
  EXPECT_EQ(Judge("GET / HTTP/1.1\r\nHost: a\n\r\n"), 400);
  EXPECT_EQ(Judge("GET / HTTP/1.1\r\n Host: a\r\n\r\n"), 400);
  EXPECT_EQ(Judge("GET /\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(Judge("GET  / HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
  EXPECT_EQ(Judge("\r\n"), 400);
  EXPECT_EQ(Judge("\n"), 400);
  EXPECT_EQ(Judge(std::string(1, '\x16') + "\x03\x01\x02\r\n\r\n"), 400);
  EXPECT_EQ(Judge("GET / HTTP/1.1\r\nHost: a\r\n"), 1);
}

TEST(HeadParser, RefusesOtherVersions) {
  EXPECT_EQ(Judge("GET / HTTP/1.2\r\nHost: a\r\n\r\n"), 505);
  EXPECT_EQ(Judge("PRI * HTTP/2.0\r\n\r\n"), 505);
}

TEST(HeadParser, WantsExactlyOneHost) {
  EXPECT_EQ(Judge("GET / HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(Judge("GET / HTTP/1.0\r\n\r\n"), 400);
  EXPECT_EQ(Judge("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"), 400);
  EXPECT_EQ(Judge("GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n"), 400);
  for (const char* host : {"", "user@a", "a b", "a/b", "a,b", "a\\b"})
    EXPECT_EQ(Judge("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n"), 400) << host;
  EXPECT_EQ(Judge("GET / HTTP/1.1\r\nHost: [::1]:5000\r\n\r\n"), 0);
}

TEST(HeadParser, RefusesBadTargets) {
  EXPECT_EQ(JudgeTarget("/a?b"), 0);
  EXPECT_EQ(JudgeTarget("/\xff"), 400);
  EXPECT_EQ(JudgeTarget("/\x7f"), 400);
  EXPECT_EQ(JudgeTarget(std::string("/\0x", 3)), 400);
  EXPECT_EQ(JudgeTarget("a"), 400);
  EXPECT_EQ(JudgeTarget("*"), 400);
  EXPECT_EQ(JudgeTarget("a.b:5"), 400);
  EXPECT_EQ(Judge("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"), 0);
}

TEST(HeadParser, WantsTheAbsoluteFormToNameTheHost) {
  EXPECT_EQ(JudgeTarget("http://a.b:5/x"), 0);
  EXPECT_EQ(JudgeTarget("HTTPS://A.B:5"), 0);
  EXPECT_EQ(JudgeTarget("http://a.b/x"), 400);
  EXPECT_EQ(JudgeTarget("http://other/x"), 400);
  EXPECT_EQ(JudgeTarget("http://u@a.b:5/x"), 400);
  EXPECT_EQ(JudgeTarget("ftp://a.b:5/x"), 400);
  HeadParser parser(kMostFields);
  const auto parsed = parser.Parse("GET http://a?q HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_FALSE(parsed) << "an absolute form without a path but with a query has no path to route";
}

TEST(HeadParser, RefusesRepeatedFields) {
  for (const std::string name : {"Authorization", "Content-Type", "Content-Range", "Range", "X-Amz-Date",
                                 "X-Amz-Target", "X-Amz-Content-Sha256", "Expect"}) {
    EXPECT_EQ(JudgeFields(name + ": 100-continue\r\n"), 0) << name;
    EXPECT_EQ(JudgeFields(name + ": 100-continue\r\nOther: 1\r\n" + name + ": 100-continue\r\n"), 400)
        << name;
  }
  EXPECT_EQ(JudgeFields("X-Amz-Date: 1\r\nx-amz-DATE: 1\r\n"), 400);
  EXPECT_EQ(JudgeFields("X-Amz-Date: 1\r\nX-Amz-Dat: 1\r\nAccept: a\r\nAccept: b\r\n"), 0);
}

TEST(HeadParser, RefusesUnknownExpectationsAndTooManyFields) {
  EXPECT_EQ(JudgeFields("Expect: teapot\r\n"), 417);
  EXPECT_EQ(Judge("PUT / HTTP/1.0\r\nHost: a\r\nExpect: teapot\r\n\r\n"), 0);
  std::string fields;
  for (std::size_t i = 1; i < kMostFields; ++i) fields += "X: 1\r\n";
  EXPECT_EQ(JudgeFields(fields), 0);
  EXPECT_EQ(JudgeFields(fields + "X: 1\r\n"), 431);
}

TEST(HeadScanner, FindsTheEndHoweverTheBytesArrive) {
  const std::string bytes = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  HeadScanner scanner;
  for (std::size_t size = 0; size < bytes.size(); ++size)
    ASSERT_EQ(scanner.Scan(std::string_view(bytes).substr(0, size)), HeadScanner::State::kMore) << size;
  EXPECT_EQ(scanner.Scan(bytes), HeadScanner::State::kComplete);

  const std::string folded = "GET / HTTP/1.1\r\nHost: a\r\n b";
  HeadScanner another;
  for (std::size_t size = 0; size + 1 < folded.size(); ++size)
    ASSERT_EQ(another.Scan(std::string_view(folded).substr(0, size)), HeadScanner::State::kMore) << size;
  EXPECT_EQ(another.Scan(folded), HeadScanner::State::kMalformed);
}

TEST(Request, DecodesQueryParameters) {
  EXPECT_EQ(QueryParameter("a=1&b=x%2Fy+z&c", "b"), "x/y z");
  EXPECT_EQ(QueryParameter("a=1&b=2&b=3", "b"), "2");
  EXPECT_EQ(QueryParameter("c&d", "c"), "");
  EXPECT_EQ(QueryParameter("%61=1", "a"), "1");
  EXPECT_EQ(QueryParameter("a=%zz", "a"), std::nullopt);
  EXPECT_EQ(QueryParameter("ab=1", "a"), std::nullopt);
  EXPECT_EQ(QueryParameter("", "a"), std::nullopt);
}

}  // namespace
}  // namespace entrepot::http
