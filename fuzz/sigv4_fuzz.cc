// A request's method, path, query and headers, one a line: taking a signature apart and checking it must
// neither crash nor ever accept, as the fuzzer does not know the key.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/check.h"
#include "sigv4/verify.h"

namespace {

std::string_view TakeLine(std::string_view& rest) {
  const std::size_t end = std::min(rest.find('\n'), rest.size());
  const std::string_view line = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return line;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace entrepot;
  static const SecretKey key = SecretKey::Generate();
  std::string_view rest = AsText({data, size});
  const std::string_view method = TakeLine(rest), path = TakeLine(rest), query = TakeLine(rest);
  std::vector<sigv4::Header> headers;
  while (!rest.empty()) {
    const std::string_view line = TakeLine(rest);
    const std::size_t colon = std::min(line.find(':'), line.size());
    headers.push_back({line.substr(0, colon), line.substr(std::min(colon + 1, line.size()))});
  }
  const sigv4::SignableRequest request{method, path, query, headers};
  const Result<sigv4::Claim> claim = sigv4::ParseClaim(request);
  if (!claim) return 0;
  (void)sigv4::CheckScope(*claim, "ecr", [](std::string_view) { return true; });
  (void)sigv4::CheckTime(*claim, Timestamp{1'440'938'160'000'000});
  (void)sigv4::CheckSignedHeaders(request, *claim);
  for (const auto rule : {sigv4::PathRule::kNormalized, sigv4::PathRule::kAsSent})
    CHECK(!sigv4::CheckSignature(request, *claim, key,
                                 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", rule));
  return 0;
}
