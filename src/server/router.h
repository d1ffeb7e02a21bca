#pragma once

// Which door a request goes to: /v2/ and download URLs to the data plane, the process's own pages, everything
// else to the AWS APIs.

#include <string_view>

#include "aws/door.h"
#include "http/handler.h"
#include "oci/door.h"
#include "oci/downloads.h"
#include "server/status_pages.h"

namespace entrepot::server {

/// Safe from any thread, as http::Handler says. The doors outlive it.
class Router final : public http::Handler {
 public:
  Router(oci::OciDoor& oci, oci::Downloads& downloads, aws::AwsDoor& aws, StatusPages& pages)
      : oci_(oci), downloads_(downloads), aws_(aws), pages_(pages) {}

  bool TryAnswer(const http::RequestHead& head, http::Response& response) override;
  std::unique_ptr<http::BodySink> TryReceive(const http::RequestHead& head) override;
  http::BodyPlan PlanBody(const http::RequestHead& head) override;
  std::optional<http::Response> CheckHead(const http::RequestHead& head) override;
  http::Reply Handle(const http::RequestHead& head, std::string body, bool body_pending) override;
  http::Response Refuse(const http::RequestHead& head, http::Refusal why) override;

 private:
  oci::OciDoor& oci_;
  oci::Downloads& downloads_;
  aws::AwsDoor& aws_;
  StatusPages& pages_;
};

}  // namespace entrepot::server
