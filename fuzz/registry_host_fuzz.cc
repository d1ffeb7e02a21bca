// A Host value: what is taken holds nothing that could end a header, a name or a quoted string.

#include <algorithm>
#include <cstdint>

#include "access/registry_host.h"
#include "base/bytes.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace entrepot;
  const std::string_view host = AsText({data, size});
  const auto parsed = access::ParseRegistryHost(host, "registry.test");
  if (!parsed) return 0;
  CHECK(parsed->text == host);
  CHECK(std::ranges::all_of(host, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == ':' || c == '[' ||
           c == ']';
  }));
  CHECK(!parsed->registry || host.starts_with(parsed->registry->account.str()));
  return 0;
}
