#pragma once

// A service of two operations for this folder's own tests, with a member of every kind: what modelgen would
// write.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "aws/shape.h"

namespace entrepot::aws::sample {

enum class Colour : std::uint8_t { kRed, kGreen };

struct Part {
  std::string name = {};
  std::optional<std::string> note;
};

struct PutThingRequest {
  std::string thing_name = {};
  std::optional<Colour> colour;
  std::optional<std::int64_t> count;
  std::optional<std::int64_t> size;
  std::optional<double> score;
  std::optional<bool> force;
  std::optional<Timestamp> at;
  std::optional<ByteVector> blob;
  std::optional<std::vector<Part>> parts;
  std::optional<std::vector<std::string>> words;
  std::optional<std::map<std::string, std::string>> labels;
  std::optional<std::string> secret;
};

using PutThingResponse = PutThingRequest;

inline constexpr std::string_view kColourValues[] = {"RED", "GREEN"};
inline constexpr Shape kText = {.kind = Kind::kString, .name = "Text"};
inline constexpr Shape kName = {
    .kind = Kind::kString, .name = "Name", .minimum = 2, .maximum = 5, .pattern = "[a-z\\u00E0-\\u00FF]+"};
inline constexpr Shape kSecret = {.kind = Kind::kString, .name = "Secret", .minimum = 4, .sensitive = true};
inline constexpr Shape kColour = {.kind = Kind::kEnum, .name = "Colour", .values = kColourValues};
inline constexpr Shape kCount = {.kind = Kind::kInteger, .name = "Count", .minimum = 1, .maximum = 10};
inline constexpr Shape kSize = {.kind = Kind::kLong, .name = "Size"};
inline constexpr Shape kScore = {.kind = Kind::kDouble, .name = "Score"};
inline constexpr Shape kFlag = {.kind = Kind::kBoolean, .name = "Flag"};
inline constexpr Shape kTime = {.kind = Kind::kTimestamp, .name = "Time"};
inline constexpr Shape kBlob = {.kind = Kind::kBlob, .name = "Blob", .maximum = 90'000};
inline constexpr Member kPartMembers[] = {
    {.name = "Name", .shape = &kName, .required = true, .at = kAt<&Part::name>},
    {.name = "Note", .shape = &kText, .at = kAt<&Part::note>, .optional = &kOptionalOf<std::string>},
};
inline constexpr Shape kPart = {.kind = Kind::kStructure, .name = "Part", .members = kPartMembers};
inline constexpr Shape kParts = {
    .kind = Kind::kList, .name = "Parts", .maximum = 3, .element = &kPart, .list_storage = &kListOf<Part>};
inline constexpr Shape kWords = {
    .kind = Kind::kList, .name = "Words", .element = &kText, .list_storage = &kListOf<std::string>};
inline constexpr Shape kLabels = {.kind = Kind::kMap,
                                  .name = "Labels",
                                  .maximum = 2,
                                  .key = &kName,
                                  .element = &kText,
                                  .map_storage = &kMapOf<std::string>};

template <class T>
constexpr Member Optional(std::string_view name, const Shape& shape, void* (*at)(void*)) {
  return {.name = name, .shape = &shape, .at = at, .optional = &kOptionalOf<T>};
}

inline constexpr Member kPutThingMembers[] = {
    {.name = "ThingName", .shape = &kName, .required = true, .at = kAt<&PutThingRequest::thing_name>},
    Optional<Colour>("Colour", kColour, kAt<&PutThingRequest::colour>),
    Optional<std::int64_t>("Count", kCount, kAt<&PutThingRequest::count>),
    Optional<std::int64_t>("Size", kSize, kAt<&PutThingRequest::size>),
    Optional<double>("Score", kScore, kAt<&PutThingRequest::score>),
    Optional<bool>("Force", kFlag, kAt<&PutThingRequest::force>),
    Optional<Timestamp>("At", kTime, kAt<&PutThingRequest::at>),
    Optional<ByteVector>("Blob", kBlob, kAt<&PutThingRequest::blob>),
    Optional<std::vector<Part>>("Parts", kParts, kAt<&PutThingRequest::parts>),
    Optional<std::vector<std::string>>("Words", kWords, kAt<&PutThingRequest::words>),
    Optional<std::map<std::string, std::string>>("Labels", kLabels, kAt<&PutThingRequest::labels>),
    Optional<std::string>("Secret", kSecret, kAt<&PutThingRequest::secret>),
};
inline constexpr Shape kPutThing = {
    .kind = Kind::kStructure, .name = "PutThing", .members = kPutThingMembers};

inline constexpr std::string_view kErrors[] = {"InvalidParameterException"};
inline constexpr TypedOperationModel<PutThingRequest, PutThingResponse> kPutThingOperation = {
    {.name = "PutThing",
     .input = &kPutThing,
     .output = &kPutThing,
     .result_wrapper = "PutThingResult",
     .errors = kErrors,
     .new_request = kNew<PutThingRequest>}};
inline constexpr TypedOperationModel<PutThingRequest, PutThingResponse> kDropThingOperation = {
    {.name = "DropThing", .input = &kPutThing, .output = &kPutThing, .new_request = kNew<PutThingRequest>}};
inline constexpr const OperationModel* kOperations[] = {&kDropThingOperation, &kPutThingOperation};
inline constexpr ServiceModel kJsonService = {.signing_name = "thing",
                                              .version = "2020-01-01",
                                              .target_prefix = "Things_V1",
                                              .operations = kOperations};
inline constexpr ServiceModel kQueryService = {.signing_name = "form",
                                               .version = "2020-02-02",
                                               .xml_namespace = "https://things.example/doc/2020-02-02/",
                                               .operations = kOperations};

}  // namespace entrepot::aws::sample
