#pragma once

// Requests that we send, over libcurl: no redirects, no proxies from the environment, no cookies, and no
// connection to an address that `reach` forbids (design-access 11). A certificate that does not verify is a
// failure.
//
// One thread at a time sends, and blocks: a thread of the background, never an event loop or a worker. Stop
// comes from any thread.

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "http/outbound_address.h"

namespace entrepot::http {

struct OutboundRequest {
  std::string url;  // http or https
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::chrono::milliseconds timeout{10'000};  // of the whole exchange
};

class Client {
 public:
  explicit Client(Reach reach);
  Client(const Client&) = delete;
  ~Client();

  /// The status of the answer, whatever it is; its body is not kept. kUnavailable says why there is none.
  Result<int> Post(const OutboundRequest& request);
  /// Breaks off what is being sent, within a second; nothing is sent any more.
  void Stop() { stopped_ = true; }
  bool stopped() const { return stopped_; }

 private:
  struct Handle;

  const Reach reach_;
  std::atomic<bool> stopped_ = false;
  std::unique_ptr<Handle> handle_;  // keeps its connection for the next request
};

}  // namespace entrepot::http
