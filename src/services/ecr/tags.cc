#include "services/ecr/attributes.h"
#include "services/ecr/naming.h"

namespace entrepot::ecr {
namespace {

constexpr std::string_view kRepositoryResource = "repository/";

// A repository is the only thing that can be tagged (ecr-semantics 4.1), and only where its API is asked: the
// request's region selects the resource (design-access 4), an ARN says it once more.
Result<registry::RepositoryPtr> FindByArn(Ecr& ecr, const aws::CallContext& call, const std::string& text) {
  const Arn arn = TRY(Arn::Parse(text));
  const Result<AccountId> account = AccountId::Parse(arn.account);
  const bool right_kind = arn.partition == PartitionOf(call.region) && arn.service == "ecr" &&
                          arn.region == call.region.str() && account &&
                          arn.resource.starts_with(kRepositoryResource);
  const Result<RepositoryName> name = RepositoryName::Parse(
      right_kind ? std::string_view(arn.resource).substr(kRepositoryResource.size()) : "");
  if (!name) return InvalidParameter("resourceArn", "Invalid ARN");
  return ecr.repositories.Find({*account, call.region}, *name);
}

}  // namespace

Result<ListTagsForResourceResponse> ListTagsForResource(Ecr& ecr, const aws::CallContext& call,
                                                        const ListTagsForResourceRequest& request) {
  const registry::RepositoryPtr repository = TRY(FindByArn(ecr, call, request.resource_arn));
  return ListTagsForResourceResponse{.tags = ToTags(TRY(ecr.repositories.ResourceTags(*repository)))};
}

Result<TagResourceResponse> TagResource(Ecr& ecr, const aws::CallContext& call,
                                        const TagResourceRequest& request) {
  const std::vector<registry::ResourceTag> tags = TRY(ReadResourceTags(request.tags));
  const registry::RepositoryPtr repository = TRY(FindByArn(ecr, call, request.resource_arn));
  TRY(ecr.repositories.AddResourceTags(*repository, tags));
  return TagResourceResponse{};
}

Result<UntagResourceResponse> UntagResource(Ecr& ecr, const aws::CallContext& call,
                                            const UntagResourceRequest& request) {
  const registry::RepositoryPtr repository = TRY(FindByArn(ecr, call, request.resource_arn));
  TRY(ecr.repositories.RemoveResourceTags(*repository, request.tag_keys));
  return UntagResourceResponse{};
}

}  // namespace entrepot::ecr
