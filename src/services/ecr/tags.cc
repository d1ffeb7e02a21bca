#include "services/ecr/naming.h"

namespace entrepot::ecr {
namespace {

constexpr std::string_view kRepositoryResource = "repository/";

// A repository is the only thing that can be tagged (ecr-semantics 4.1).
Result<registry::RepositoryPtr> FindByArn(Ecr& ecr, const std::string& text) {
  const Arn arn = TRY(Arn::Parse(text));
  const Result<AccountId> account = AccountId::Parse(arn.account);
  const Result<Region> region = Region::Parse(arn.region);
  const bool right_kind =
      arn.service == "ecr" && arn.resource.starts_with(kRepositoryResource) && account && region;
  const Result<RepositoryName> name = RepositoryName::Parse(
      right_kind ? std::string_view(arn.resource).substr(kRepositoryResource.size()) : "");
  if (!name) return InvalidParameter("resourceArn", "Invalid ARN");
  return ecr.repositories.Find({*account, *region}, *name);
}

}  // namespace

Result<ListTagsForResourceResponse> ListTagsForResource(Ecr& ecr, const aws::CallContext&,
                                                        const ListTagsForResourceRequest& request) {
  const registry::RepositoryPtr repository = TRY(FindByArn(ecr, request.resource_arn));
  std::vector<Tag> tags;
  for (auto& [key, value] : TRY(ecr.repositories.ResourceTags(*repository))) tags.push_back({key, value});
  return ListTagsForResourceResponse{.tags = std::move(tags)};
}

}  // namespace entrepot::ecr
