#pragma once

// The URLs of GetDownloadUrlForLayer: GET and HEAD of one layer under a sealed ticket, with no other
// credentials. Link, key and access key are checked again at every use (design-access 9).
//
// Safe from any thread.

#include "http/handler.h"
#include "oci/call.h"

namespace entrepot::oci {

class Downloads {
 public:
  explicit Downloads(Rooms rooms) : rooms_(std::move(rooms)) {}

  http::Response Serve(const http::RequestHead& head) const;

 private:
  Result<http::Response> Answer(const http::RequestHead& head) const;

  const Rooms rooms_;
};

}  // namespace entrepot::oci
