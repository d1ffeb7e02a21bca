#include "base/arn.h"

namespace entrepot {

Result<Arn> Arn::Parse(std::string_view text) {
  std::string_view parts[6];
  std::string_view rest = text;
  for (int i = 0; i < 5; ++i) {
    const std::size_t colon = rest.find(':');
    if (colon == rest.npos)
      return Fail(Error(ErrorCode::kInvalidParameter)
                      .With("parameter", "resourceArn")
                      .With("constraint", "Invalid ARN"));
    parts[i] = rest.substr(0, colon);
    rest.remove_prefix(colon + 1);
  }
  parts[5] = rest;
  if (parts[0] != "arn" || parts[1].empty() || parts[2].empty() || parts[5].empty())
    return Fail(Error(ErrorCode::kInvalidParameter)
                    .With("parameter", "resourceArn")
                    .With("constraint", "Invalid ARN"));
  return Arn{std::string(parts[1]), std::string(parts[2]), std::string(parts[3]), std::string(parts[4]),
             std::string(parts[5])};
}

std::string Arn::ToString() const {
  return "arn:" + partition + ":" + service + ":" + region + ":" + account + ":" + resource;
}

std::string_view PartitionOf(const Region& region) {
  const std::string_view name = region;
  if (name.starts_with("cn-")) return "aws-cn";
  if (name.starts_with("us-gov-")) return "aws-us-gov";
  if (name.starts_with("us-iso-")) return "aws-iso";
  if (name.starts_with("us-isob-")) return "aws-iso-b";
  if (name.starts_with("eu-isoe-")) return "aws-iso-e";
  if (name.starts_with("us-isof-")) return "aws-iso-f";
  if (name.starts_with("eusc-")) return "aws-eusc";
  return "aws";
}

std::string RepositoryArn(const RegistryName& registry, std::string_view repository) {
  return Arn{std::string(PartitionOf(registry.region)), "ecr", registry.region.str(), registry.account.str(),
             "repository/" + std::string(repository)}
      .ToString();
}

}  // namespace entrepot
