#include "http/client.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <fmt/format.h>

#include "base/check.h"
#include "http/libcurl.h"

namespace entrepot::http {
namespace {

constexpr std::size_t kMaxAnswer = 1 << 20;

struct ListFreer {
  const Libcurl& library;
  void operator()(curl_slist* list) const { library.curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, ListFreer>;

HeaderList HeadersOf(const Libcurl& library, const OutboundRequest& request) {
  HeaderList list(library.curl_slist_append(nullptr, "Expect:"), {library});  // no waiting for a 100
  for (const auto& [name, value] : request.headers) {
    CHECK(!name.contains('\n') && !value.contains('\n') && !value.contains('\r'));
    curl_slist* longer = library.curl_slist_append(list.get(), (name + ": " + value).c_str());
    CHECK(longer != nullptr);
    std::ignore = list.release();
    list.reset(longer);
  }
  return list;
}

IpAddress AddressOf(const curl_sockaddr& address) {
  if (address.family == AF_INET) {
    std::array<std::uint8_t, 4> octets{};
    std::memcpy(octets.data(), &reinterpret_cast<const sockaddr_in&>(address.addr).sin_addr, octets.size());
    return IpAddress::FromIpv4(octets);
  }
  IpAddress::Octets octets{};
  std::memcpy(octets.data(), &reinterpret_cast<const sockaddr_in6&>(address.addr).sin6_addr, octets.size());
  return IpAddress(octets);
}

// What one exchange tells the callbacks, and they tell it.
struct Exchange {
  Reach reach;
  const std::atomic<bool>& stopped;
  std::size_t received = 0;
  std::string refused;  // the address that was not to be reached
};

curl_socket_t OpenSocket(void* context, curlsocktype, curl_sockaddr* address) {
  auto& exchange = *static_cast<Exchange*>(context);
  const bool ip = address->family == AF_INET || address->family == AF_INET6;
  if (!ip || !MayReach(exchange.reach, AddressOf(*address))) {
    exchange.refused = ip ? AddressOf(*address).ToString() : "no IP address";
    return CURL_SOCKET_BAD;
  }
  return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

std::size_t Discard(char*, std::size_t size, std::size_t count, void* context) {
  auto& exchange = *static_cast<Exchange*>(context);
  exchange.received += size * count;
  return exchange.received > kMaxAnswer ? 0 : size * count;  // 0 breaks off
}

int Watch(void* context, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Exchange*>(context)->stopped ? 1 : 0;
}

}  // namespace

struct Client::Handle {
  explicit Handle(const Libcurl& loaded) : library(loaded), curl(loaded.curl_easy_init(), {loaded}) {
    CHECK(curl != nullptr);
  }
  template <class Value>
  void Set(CURLoption option, Value value) {
    CHECK(library.curl_easy_setopt(curl.get(), option, value) == CURLE_OK);
  }

  struct Freer {
    const Libcurl& library;
    void operator()(CURL* handle) const { library.curl_easy_cleanup(handle); }
  };
  const Libcurl& library;
  const std::unique_ptr<CURL, Freer> curl;
};

Client::Client(Reach reach) : reach_(reach) {}
Client::~Client() = default;

Result<int> Client::Post(const OutboundRequest& request) {
  if (!handle_) handle_ = std::make_unique<Handle>(*TRY(Libcurl::Load()));
  const Libcurl& library = handle_->library;
  Exchange exchange{.reach = reach_, .stopped = stopped_, .refused = ""};
  const HeaderList headers = HeadersOf(library, request);
  char reason[CURL_ERROR_SIZE] = "";
  CURL* const curl = handle_->curl.get();
  library.curl_easy_reset(curl);
  handle_->Set(CURLOPT_URL, request.url.c_str());
  handle_->Set(CURLOPT_PROTOCOLS_STR, "http,https");
  handle_->Set(CURLOPT_PROXY, "");
  handle_->Set(CURLOPT_NOSIGNAL, 1L);
  handle_->Set(CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout.count()));
  handle_->Set(CURLOPT_HTTPHEADER, headers.get());
  handle_->Set(CURLOPT_USERAGENT, "entrepot");
  handle_->Set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  handle_->Set(CURLOPT_POSTFIELDS, request.body.data());
  handle_->Set(CURLOPT_ERRORBUFFER, static_cast<char*>(reason));
  handle_->Set(CURLOPT_OPENSOCKETFUNCTION, &OpenSocket);
  handle_->Set(CURLOPT_OPENSOCKETDATA, &exchange);
  handle_->Set(CURLOPT_WRITEFUNCTION, &Discard);
  handle_->Set(CURLOPT_WRITEDATA, &exchange);
  handle_->Set(CURLOPT_NOPROGRESS, 0L);
  handle_->Set(CURLOPT_XFERINFOFUNCTION, &Watch);
  handle_->Set(CURLOPT_XFERINFODATA, &exchange);
  const CURLcode code = stopped_ ? CURLE_ABORTED_BY_CALLBACK : library.curl_easy_perform(curl);
  if (!exchange.refused.empty() && code != CURLE_OK)
    return Fail(ErrorCode::kUnavailable,
                fmt::format("{} is an address that is never connected to", exchange.refused));
  if (code != CURLE_OK)
    return Fail(ErrorCode::kUnavailable, *reason != '\0' ? reason : library.curl_easy_strerror(code));
  long status = 0;
  library.curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  return static_cast<int>(status);
}

}  // namespace entrepot::http
