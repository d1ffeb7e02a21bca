#pragma once

// Amazon Resource Names: arn:{partition}:{service}:{region}:{account}:{resource}.

#include <string>
#include <string_view>

#include "base/names.h"

namespace entrepot {

struct Arn {
  std::string partition, service, region, account, resource;

  /// kInvalidParameter ("Invalid ARN") when the text has fewer than six parts or does not begin with `arn`.
  static Result<Arn> Parse(std::string_view text);
  std::string ToString() const;
  friend bool operator==(const Arn&, const Arn&) = default;
};

/// `aws`, `aws-cn`, `aws-us-gov` and so on, by the region's prefix (botocore endpoints).
std::string_view PartitionOf(const Region& region);

/// arn:aws:ecr:us-west-2:123456789012:repository/team/app
std::string RepositoryArn(const RegistryName& registry, std::string_view repository);

}  // namespace entrepot
