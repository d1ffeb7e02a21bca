#pragma once

// An event as EventBridge would carry it (ecr-semantics 6.4): what ECR announces, in ECR's shapes.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "base/clock.h"
#include "base/digest.h"
#include "base/names.h"

namespace entrepot::events {

struct Event {
  std::string id;  // a UUID: the same at every receiver and every attempt
  std::string_view detail_type;
  RegistryName registry;
  Timestamp time;
  std::vector<std::string> resources;  // ARNs
  boost::json::object detail;

  /// The envelope, its members in EventBridge's order; one line.
  std::string ToJson() const;
};

/// What happened to an image.
enum class ImageActionType { kPush, kDelete, kUpdateStorageClass, kPull };

struct ImageAction {
  ImageActionType type{};
  RegistryName registry;
  std::string repository;
  Digest digest;
  std::string tag;  // "" = none
  std::string manifest_media_type, artifact_media_type;
  bool has_subject = false;  // it is a referrer, whose events have a type of their own
  // Of kUpdateStorageClass alone: ARCHIVE or STANDARD, and with STANDARD when it was activated.
  std::string_view target_storage_class;
  std::optional<Timestamp> last_activated_at;
};
Event EventOf(const ImageAction& action, Timestamp time);

}  // namespace entrepot::events
