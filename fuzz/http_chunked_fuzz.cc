// The chunked coding: the same result however the bytes arrive, and the body that Beast finds.

#include <string>

#include <boost/beast/http/basic_parser.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "base/check.h"
#include "http/chunked_decoder.h"

using entrepot::AsBytes;
using entrepot::AsText;
using entrepot::http::ChunkedDecoder;

namespace {

struct Outcome {
  std::string body;
  std::size_t consumed = 0;
  bool done = false, malformed = false;
};

Outcome Decode(std::string_view encoded, std::size_t piece) {
  ChunkedDecoder decoder;
  Outcome outcome;
  while (outcome.consumed < encoded.size() && !decoder.done() && !outcome.malformed) {
    entrepot::ByteVector bytes = entrepot::ToVector(AsBytes(encoded.substr(outcome.consumed, piece)));
    const auto step = decoder.Decode(bytes);
    CHECK(step.decoded <= step.consumed && step.consumed <= bytes.size());
    outcome.body += AsText(entrepot::Bytes(bytes).first(step.decoded));
    outcome.consumed += step.consumed;
    outcome.malformed = step.malformed;
  }
  outcome.done = decoder.done();
  return outcome;
}

void CheckAgainstBeast(const Outcome& ours, std::string_view encoded) {
  namespace http = boost::beast::http;
  const std::string message =
      "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n" + std::string(encoded.substr(0, ours.consumed));
  http::request_parser<http::string_body> parser;
  parser.body_limit(boost::none);
  parser.header_limit(1u << 20);
  parser.eager(true);
  boost::system::error_code error;
  parser.put({message.data(), message.size()}, error);
  if (error || !parser.is_done()) return;  // trailers that are no fields: dropped here, refused there
  CHECK(parser.get().body() == ours.body);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view encoded(reinterpret_cast<const char*>(data), size);
  const Outcome whole = Decode(encoded, encoded.size());
  const Outcome by_byte = Decode(encoded, 1);
  CHECK(whole.body == by_byte.body && whole.consumed == by_byte.consumed);
  CHECK(whole.done == by_byte.done && whole.malformed == by_byte.malformed);
  if (whole.done) CheckAgainstBeast(whole, encoded);
  return 0;
}
