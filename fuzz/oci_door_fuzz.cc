// A request line without its version, fields, an empty line and a body, as they come to /v2/: whatever the
// method, the route, the query and any field are, the door's answer is one of the client's faults or a
// success, is fenced from the origin, and holds nothing that ends a field. A "$" in the target stands for the
// Location of a new upload.
//
// Every request meets the same registry, which remembers the ones before.

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "base/log.h"
#include "http/head_parser.h"
#include "http/response_head.h"
#include "oci/test_door.h"

namespace {

using namespace entrepot;

class FuzzedDoor final : public oci::Door {
 public:
  FuzzedDoor() {
    log::Configure(log::Level::kError, log::Format::kJson);
    PushImage("v1", "layer");
  }
  std::string NewUpload() { return OpenUpload(); }

  http::Response Answer(http::RequestHead& head, std::string body) {
    head.peer = &peer_;
    if (!head.chunked) head.content_length = body.size();
    http::Response response;
    if (!head.has_body() && door_.TryAnswer(head, response)) return response;
    const http::BodyPlan plan = door_.PlanBody(head);
    if (body.size() > plan.buffer_up_to && !plan.stream_beyond)
      return door_.Refuse(head, http::Refusal::kBodyTooLarge);
    // As if the end of a chunked body were yet to come, whatever its length.
    const bool stream = plan.stream_beyond && (head.chunked || body.size() > plan.buffer_up_to);
    if (std::unique_ptr<http::BodySink> sink = stream ? door_.TryReceive(head) : nullptr)
      return Taken(*sink, body);
    http::Reply reply = door_.Handle(head, stream ? "" : body, stream);
    if (auto* sink = std::get_if<std::unique_ptr<http::BodySink>>(&reply)) return Taken(**sink, body);
    return std::get<http::Response>(std::move(reply));
  }

 private:
  void TestBody() override {}

  static http::Response Taken(http::BodySink& sink, std::string_view body) {
    http::Response response;
    Feed(sink, body);
    return !sink.failed() && sink.TryFinish(response) ? std::move(response) : sink.Finish();
  }
};

FuzzedDoor& TheDoor() {
  static FuzzedDoor door;
  return door;
}

void Replace(std::string& text, std::string_view what, std::string_view with) {
  for (std::size_t at = 0; (at = text.find(what, at)) != text.npos; at += with.size())
    text.replace(at, what.size(), with);
}

/// The head as a client would send it.
std::string HeadOf(std::string_view lines) {
  std::string text(lines);
  if (text.contains('$')) Replace(text, "$", TheDoor().NewUpload());
  const std::size_t end = std::min(text.find('\n'), text.size());
  std::string fields = text.substr(std::min(end + 1, text.size()));
  Replace(fields, "\n", "\r\n");
  if (!fields.contains("Host:")) fields = "Host: localhost\r\n" + fields;
  if (!fields.contains("Authorization:")) fields = "Authorization: Basic fake\r\n" + fields;
  return text.substr(0, end) + " HTTP/1.1\r\n" + fields + "\r\n\r\n";
}

void CheckAnswer(const http::RequestHead& head, const http::Response& response) {
  CHECK(response.status >= 200 && response.status < 500);
  CHECK(response.fields.contains("X-Content-Type-Options: nosniff\r\n"));
  CHECK(std::ranges::count(response.fields, '\n') == std::ranges::count(response.fields, '\r'));
  CHECK(!response.fields.contains("\r\n\r\n") && !response.fields.contains('\0'));
  if (head.method == http::Method::kHead) CHECK(http::BodyLength(response.body) == 0);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > (64 << 10)) return 0;
  const std::string_view input = AsText({data, size});
  const std::size_t end = std::min(input.find("\n\n"), input.size());
  const std::string head = HeadOf(input.substr(0, end));
  http::HeadScanner scanner;
  if (scanner.Scan(head) != http::HeadScanner::State::kComplete || scanner.length() != head.size()) return 0;
  http::HeadParser parser(100);
  auto parsed = parser.Parse(head);
  if (!parsed || !(parsed->head.path == "/v2" || parsed->head.path.starts_with("/v2/"))) return 0;
  const std::string body(input.substr(std::min(end + 2, input.size())));
  CheckAnswer(parsed->head, TheDoor().Answer(parsed->head, body));
  return 0;
}
