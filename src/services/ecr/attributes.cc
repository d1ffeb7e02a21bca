#include "services/ecr/attributes.h"

#include <algorithm>

#include "aws/text.h"
#include "services/ecr/naming.h"

namespace entrepot::ecr {
namespace {

// The stored enums are the model's plus one, in the model's order.
static_assert(static_cast<int>(registry::EncryptionMode::kKmsDsse) - 1 ==
              static_cast<int>(EncryptionType::kKmsDsse));
static_assert(static_cast<int>(registry::TagMutability::kMutableWithExclusion) - 1 ==
              static_cast<int>(ImageTagMutability::kMutableWithExclusion));

bool HasExclusions(ImageTagMutability mode) {
  return mode == ImageTagMutability::kImmutableWithExclusion ||
         mode == ImageTagMutability::kMutableWithExclusion;
}

}  // namespace

Result<std::vector<std::string>> ReadExclusions(ImageTagMutability mode, const ExclusionFilters& filters) {
  constexpr std::string_view kParameter = "imageTagMutabilityExclusionFilters";
  const bool given = filters && !filters->empty();
  if (HasExclusions(mode) != given)
    return InvalidParameter(std::string(kParameter),
                            given ? "ImageTagMutabilityExclusionFilters can only be set when "
                                    "imageTagMutability is set as IMMUTABLE_WITH_EXCLUSION or "
                                    "MUTABLE_WITH_EXCLUSION"
                                  : "ImageTagMutabilityExclusionFilters can't be null when "
                                    "imageTagMutability is set as " +
                                        std::string(ToString(mode)));
  std::vector<std::string> exclusions;
  if (!given) return exclusions;
  for (const ImageTagMutabilityExclusionFilter& filter : *filters) {
    if (std::ranges::count(filter.filter, '*') > 2)
      return InvalidParameter(std::string(kParameter), "a filter can contain a maximum of 2 wildcards (*)");
    exclusions.push_back(filter.filter);
  }
  return exclusions;
}

registry::TagMutability ToDomain(ImageTagMutability mode) {
  return static_cast<registry::TagMutability>(static_cast<int>(mode) + 1);
}
ImageTagMutability ToModel(registry::TagMutability mode) {
  return static_cast<ImageTagMutability>(static_cast<int>(mode) - 1);
}

ExclusionFilters ToFilters(const std::vector<std::string>& exclusions) {
  if (exclusions.empty()) return std::nullopt;
  std::vector<ImageTagMutabilityExclusionFilter> filters;
  for (const std::string& exclusion : exclusions)
    filters.push_back({.filter = exclusion, .filter_type = ImageTagMutabilityExclusionFilterType::kWildcard});
  return filters;
}

Result<std::vector<registry::ResourceTag>> ReadResourceTags(const std::vector<Tag>& tags) {
  std::vector<registry::ResourceTag> read;
  for (const Tag& tag : tags) {
    if (tag.key.empty() || aws::CountCodePoints(tag.key) > 128 || aws::CountCodePoints(tag.value) > 256)
      return Fail(ErrorCode::kInvalidTagParameter,
                  "a tag key has 1 to 128 characters and a tag value at most 256: '" + tag.key + "'");
    if (tag.key.starts_with("aws:"))
      return Fail(ErrorCode::kInvalidTagParameter,
                  "tag keys cannot begin with aws:, as '" + tag.key + "' does");
    if (std::ranges::find(read, tag.key, &registry::ResourceTag::first) != read.end())
      return Fail(ErrorCode::kInvalidTagParameter, "the tag key '" + tag.key + "' is given twice");
    read.emplace_back(tag.key, tag.value);
  }
  return read;
}

std::vector<Tag> ToTags(std::vector<registry::ResourceTag> tags) {
  std::vector<Tag> answer;
  for (auto& [key, value] : tags) answer.push_back({.key = std::move(key), .value = std::move(value)});
  return answer;
}

void AddTagKeys(const std::vector<Tag>& tags, std::vector<std::pair<std::string, std::string>>& keys) {
  for (const Tag& tag : tags) {
    keys.emplace_back("aws:requesttag/" + tag.key, tag.value);
    keys.emplace_back("aws:tagkeys", tag.key);
  }
}

Result<registry::EncryptionMode> ReadEncryption(EncryptionType type,
                                                const std::optional<std::string>& kms_key) {
  if (type == EncryptionType::kAes256 && kms_key && !kms_key->empty())
    return InvalidParameter("encryptionConfiguration",
                            "kmsKey can only be given with encryptionType KMS or KMS_DSSE");
  return static_cast<registry::EncryptionMode>(static_cast<int>(type) + 1);
}
EncryptionType ToModel(registry::EncryptionMode mode) {
  return static_cast<EncryptionType>(static_cast<int>(mode) - 1);
}

}  // namespace entrepot::ecr
