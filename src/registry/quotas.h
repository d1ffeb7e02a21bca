#pragma once

// How much there may be of what. ECR's values (ecr-semantics 9) are in force only where its quirks are.

#include <cstdint>
#include <string>

#include "base/result.h"

namespace entrepot::registry {

/// 0 = as much as fits.
struct Quotas {
  std::int64_t repositories = 0;  // in a registry
  std::int64_t images = 0;        // in a repository
  std::int64_t tags = 0;          // on an image
  std::int64_t pull_time_exclusions = 0;
};

inline constexpr Quotas kEcrQuotas{
    .repositories = 100'000, .images = 100'000, .tags = 1'000, .pull_time_exclusions = 100};

/// kLimitExceeded when `count`, what there is now with the new one, is more than the quota. `what`: "images
/// in the repository with name 'app'".
inline Result<> CheckQuota(std::int64_t quota, std::int64_t count, const std::string& what) {
  if (quota == 0 || count <= quota) return {};
  return Fail(ErrorCode::kLimitExceeded, "There cannot be more than " + std::to_string(quota) + " " + what);
}

}  // namespace entrepot::registry
