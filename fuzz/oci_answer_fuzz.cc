// A layer's size, and behind line ends a Range, an If-Range, an If-None-Match and an If-Match: whatever they
// are, the answer is the whole layer, a part that lies in it, "not modified", or a refusal, and says of
// itself what it is.

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/check.h"
#include "oci/answers.h"

namespace {

using namespace entrepot;

const Digest kDigest = Digest::Of(HashAlgorithm::kSha256, {});

std::string_view TakeLine(std::string_view& rest) {
  const std::size_t end = std::min(rest.find('\n'), rest.size());
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return line;
}

void CheckAnswer(const oci::BlobAnswer& answer, http::Method method, std::uint64_t size) {
  const bool is_get = method == http::Method::kGet;
  const int status = answer.response.status;
  CHECK(status == 200 || status == 304 || status == 412 || (status == 206 && is_get));
  CHECK((status == 206) == answer.response.fields.contains("Content-Range: "));
  if (!answer.body) {
    CHECK(!is_get || status == 304 || status == 412 || size == 0);
    return;
  }
  CHECK(is_get && status < 300 && answer.body->length > 0);
  CHECK(answer.body->offset < size && answer.body->length <= size - answer.body->offset);
  CHECK(status == 206 || answer.body->length == size);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t length) {
  if (length < 2) return 0;
  const std::uint64_t size = data[0] | (data[1] << 8);
  std::string_view rest = AsText({data + 2, length - 2});
  std::vector<http::HeaderField> headers;
  for (const std::string_view name : {"Range", "If-Range", "If-None-Match", "If-Match"})
    if (const std::string_view value = TakeLine(rest); !value.empty()) headers.push_back({name, value});
  for (const auto method : {http::Method::kGet, http::Method::kHead}) {
    http::RequestHead head;
    head.method = method;
    head.headers = headers;
    const Result<oci::BlobAnswer> answer = oci::AnswerForBlob(head, kDigest, size);
    if (answer)
      CheckAnswer(*answer, method, size);
    else
      CHECK(answer.error().code() == ErrorCode::kRangeNotSatisfiable && method == http::Method::kGet);
  }
  return 0;
}
