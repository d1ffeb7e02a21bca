#pragma once

// One request on its way through the door, and the rooms that operations work in.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "access/access.h"
#include "base/clock.h"
#include "http/handler.h"
#include "http/request.h"
#include "oci/parameters.h"
#include "oci/routes.h"
#include "oci/upload_location.h"
#include "registry/account_settings.h"
#include "registry/creation_templates.h"
#include "registry/images.h"
#include "registry/layers.h"
#include "registry/pulls.h"
#include "registry/referrers.h"
#include "registry/repositories.h"
#include "registry/traffic.h"
#include "registry/uploads.h"

namespace entrepot::oci {

/// What the door and its operations use. All of it outlives the door.
struct Rooms {
  access::Access& access;
  registry::Repositories& repositories;
  registry::Images& images;
  registry::Referrers& referrers;
  registry::Layers& layers;
  registry::Uploads& uploads;
  registry::AccountSettings& account_settings;
  registry::CreationTemplates& creation_templates;
  registry::Pulls& pulls;
  registry::Traffic& traffic;
  const Clock& clock;
  std::string domain;       // the configured one, or "": whose host names name registries (design.md 1.3)
  bool ecr_quirks = false;  // as ECR where it is stricter than the specification (design.md 5)
};

struct Operation;

/// Filled by the door step by step; complete and authorized when an operation sees it. It lives as long as
/// the answer is not sent, which for an upload that streams is after the operation has returned.
struct Call {
  const http::RequestHead& head;
  std::string body;           // the whole body, unless body_pending
  bool body_pending = false;  // a longer body is still to come
  Timestamp now;
  std::chrono::microseconds began{0};  // Clock::Elapsed
  access::RequestFacts facts;

  const Operation* operation = nullptr;
  Route route;
  Parameters parameters;
  access::CallerPtr caller;
  std::optional<Timestamp> token_expired_at;  // set when the token is past its time
  std::optional<RegistryName> registry;       // the resource's: of the Host, else of the token
  registry::RepositoryPtr repository;         // null where the route names none
  std::optional<UploadLocation> upload;       // set where the route names one
  std::optional<RepositoryName> read_from;    // whose layer was linked here instead of being sent

  /// Makes the final answer of a result: wording, common header fields, count. Called exactly once a call.
  std::function<http::Response(Result<http::Response>)> finish;
  /// The same on an event loop; false, with nothing done, when it would wait.
  std::function<bool(Result<http::Response>&, http::Response&)> try_finish;
};
using CallPtr = std::shared_ptr<Call>;

/// kAccessDenied unless the caller may do `action` on the repository of that name.
Result<> Authorize(const Rooms& rooms, const Call& call, std::string_view action,
                   std::string_view repository);

}  // namespace entrepot::oci
