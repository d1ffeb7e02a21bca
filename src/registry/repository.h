#pragma once

// What a repository is. Everything below the doors holds its immutable id; the name is only how clients find
// it.

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/names.h"

namespace entrepot::registry {

enum class RegistryId : std::int64_t {};
enum class RepositoryId : std::int64_t {};

/// Stored; ecr-semantics 4.4 (6) has the table of what each means.
enum class TagMutability : std::int8_t {
  kMutable = 1,
  kImmutable = 2,
  kImmutableWithExclusion = 3,
  kMutableWithExclusion = 4
};

/// Stored. What a file at rest is encrypted for; KMS modes wait for keys/.
enum class EncryptionMode : std::int8_t { kAes256 = 1, kKms = 2, kKmsDsse = 3 };

struct Repository {
  RegistryName registry;
  RegistryId registry_id{};
  RepositoryId id{};
  RepositoryName name;
  std::int64_t domain = 0;  // what may share a stored file with it
  EncryptionMode encryption = EncryptionMode::kAes256;
  std::string kms_key;
  Timestamp created_at;
  TagMutability tag_mutability = TagMutability::kMutable;
  std::vector<std::string> tag_exclusions;  // wildcard filters, in the order sent
  bool scan_on_push = false;
};
/// Immutable and shared with the cache.
using RepositoryPtr = std::shared_ptr<const Repository>;

/// A resource tag (not an image tag).
using ResourceTag = std::pair<std::string, std::string>;

/// Whether moving `tag` to another digest is refused under these settings of a repository.
bool IsTagImmutable(TagMutability mode, const std::vector<std::string>& exclusions, std::string_view tag);

/// Whole-string match in which '*' is any run of characters.
bool MatchesTagFilter(std::string_view filter, std::string_view tag);

}  // namespace entrepot::registry
