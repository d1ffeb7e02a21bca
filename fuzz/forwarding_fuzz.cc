// Forwarded and X-Forwarded-*, a field a line, as a trusted proxy would send them: whatever is believed is an
// address, and a Host that could be one.

#include "base/bytes.h"
#include "base/check.h"
#include "http/forwarding.h"

using namespace entrepot;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const http::TrustedProxies proxies{*AddressRange::Parse("10.0.0.0/8"),
                                            *AddressRange::Parse("2001:db8::/32")};
  static const IpAddress proxy = *IpAddress::Parse("10.0.0.1");
  std::vector<http::HeaderField> fields;
  for (std::string_view rest = AsText({data, size}); !rest.empty() && fields.size() < 100;) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const std::size_t colon = std::min(line.find(':'), line.size());
    fields.push_back({line.substr(0, colon), line.substr(std::min(line.size(), colon + 1))});
  }
  const auto client = http::ReadForwarding(fields, proxy, proxies);
  if (!client) {
    CHECK(client.error().status == 400);
  } else if (*client) {
    CHECK((*client)->host.empty() || http::IsHostText((*client)->host));
    CHECK(IpAddress::Parse((*client)->address.ToString()) == (*client)->address);
  }
  return 0;
}
