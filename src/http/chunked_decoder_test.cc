#include "http/chunked_decoder.h"

#include <gtest/gtest.h>

namespace entrepot::http {
namespace {

struct Decoded {
  std::string body;
  std::size_t consumed = 0;
  bool done = false, malformed = false;
};

Decoded DecodeInPieces(std::string_view encoded, std::size_t piece) {
  ChunkedDecoder decoder;
  Decoded result;
  while (result.consumed < encoded.size() && !decoder.done() && !result.malformed) {
    ByteVector bytes = ToVector(AsBytes(encoded.substr(result.consumed, piece)));
    const auto step = decoder.Decode(bytes);
    result.body += AsText(Bytes(bytes).first(step.decoded));
    result.consumed += step.consumed;
    result.malformed = step.malformed;
  }
  result.done = decoder.done();
  return result;
}

TEST(ChunkedDecoder, DecodesHoweverTheBytesAreCut) {
  constexpr std::string_view kBody =
      "5\r\nhello\r\n1;name=value;q=\"x y\"\r\n,\r\n00A\r\n0123456789\r\n0\r\nTrailer: dropped\r\n\r\n";
  const std::string encoded = std::string(kBody) + "GET / HTTP/1.1\r\n";
  for (std::size_t piece = 1; piece <= encoded.size(); ++piece) {
    const Decoded decoded = DecodeInPieces(encoded, piece);
    EXPECT_TRUE(decoded.done) << piece;
    EXPECT_EQ(decoded.body, "hello,0123456789") << piece;
    EXPECT_EQ(decoded.consumed, kBody.size()) << piece;
  }
}

TEST(ChunkedDecoder, RefusesWhatReadersCouldUnderstandDifferently) {
  for (const std::string_view encoded :
       {"\r\n", "x\r\n", "-1\r\n", "+1\r\n", "0x2\r\nhi\r\n", " 2\r\nhi\r\n", "2 \r\nhi\r\n", "2\nhi\r\n",
        "2\r\nhi\n", "2\r\nhiX", "2;x\n", "2;a\x01\r\n", "2\rX", "0\r\n folded\r\n\r\n", "0\r\nA: b\n",
        "0\r\nA: \x7f", "0\r\n\n", "10000000000000000\r\n"})
    EXPECT_TRUE(DecodeInPieces(encoded, encoded.size()).malformed) << encoded;
}

TEST(ChunkedDecoder, BoundsWhatItDrops) {
  EXPECT_TRUE(DecodeInPieces("1;" + std::string(5000, 'x'), 100).malformed);
  EXPECT_TRUE(DecodeInPieces(std::string(5000, '0') + "1", 100).malformed);
  std::string trailers = "0\r\n";
  for (int i = 0; i < 2000; ++i) trailers += "Name: value\r\n";
  EXPECT_TRUE(DecodeInPieces(trailers, 100).malformed);
}

}  // namespace
}  // namespace entrepot::http
