#include "events/event.h"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "base/ids.h"

namespace entrepot::events {
namespace {

std::string_view NameOf(ImageActionType type) {
  switch (type) {
    case ImageActionType::kPush:
      return "PUSH";
    case ImageActionType::kDelete:
      return "DELETE";
    case ImageActionType::kUpdateStorageClass:
      return "UPDATE_STORAGE_CLASS";
    case ImageActionType::kPull:
      return "PULL";
  }
  return "";
}

// 2025-10-10T01:54:34.123Z
std::string WithMilliseconds(Timestamp time) {
  std::string text = ToIso8601(time);
  text.insert(text.size() - 1, fmt::format(".{:03}", time.micros / 1000 % 1000));
  return text;
}

}  // namespace

std::string Event::ToJson() const {
  boost::json::array arns;
  for (const std::string& arn : resources) arns.emplace_back(arn);
  return boost::json::serialize(boost::json::object{{"version", "0"},
                                                    {"id", id},
                                                    {"detail-type", detail_type},
                                                    {"source", "aws.ecr"},
                                                    {"account", registry.account.str()},
                                                    {"time", ToIso8601(time)},
                                                    {"region", registry.region.str()},
                                                    {"resources", std::move(arns)},
                                                    {"detail", detail}});
}

Event EventOf(const ImageAction& action, Timestamp time) {
  boost::json::object detail{{"result", "SUCCESS"},
                             {"repository-name", action.repository},
                             {"image-digest", action.digest.ToString()},
                             {"action-type", NameOf(action.type)}};
  const auto add = [&](std::string_view name, std::string_view value) {
    if (!value.empty()) detail.emplace(name, value);
  };
  add("image-tag", action.tag);
  add("target-storage-class", action.target_storage_class);
  add("manifest-media-type", action.manifest_media_type);
  add("artifact-media-type", action.artifact_media_type);
  if (action.last_activated_at) add("last-activated-at", WithMilliseconds(*action.last_activated_at));
  return {.id = NewUuid(),
          .detail_type = action.has_subject ? "ECR Referrer Action" : "ECR Image Action",
          .registry = action.registry,
          .time = time,
          .resources = {},
          .detail = std::move(detail)};
}

}  // namespace entrepot::events
