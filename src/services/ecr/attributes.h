#pragma once

// What requests say about a repository in several operations, checked and turned into the domain's words, and
// the way back.

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "registry/repository.h"
#include "services/ecr/ecr.h"

namespace entrepot::ecr {

using ExclusionFilters = std::optional<std::vector<ImageTagMutabilityExclusionFilter>>;

/// kInvalidParameter for filters without a mode that has exclusions, and the other way round.
Result<std::vector<std::string>> ReadExclusions(ImageTagMutability mode, const ExclusionFilters& filters);
registry::TagMutability ToDomain(ImageTagMutability mode);
ImageTagMutability ToModel(registry::TagMutability mode);
ExclusionFilters ToFilters(const std::vector<std::string>& exclusions);

/// kInvalidTagParameter. How many there may be, the domain decides.
Result<std::vector<registry::ResourceTag>> ReadResourceTags(const std::vector<Tag>& tags);
std::vector<Tag> ToTags(std::vector<registry::ResourceTag> tags);
/// The condition keys of a request that brings tags.
void AddTagKeys(const std::vector<Tag>& tags, std::vector<std::pair<std::string, std::string>>& keys);

/// kInvalidParameter for a key that AES256 has no use for.
Result<registry::EncryptionMode> ReadEncryption(EncryptionType type,
                                                const std::optional<std::string>& kms_key);
EncryptionType ToModel(registry::EncryptionMode mode);

}  // namespace entrepot::ecr
