// ECR's private API as a table: what is served, the permission it needs and on what, and what is not served
// yet.

#include "services/ecr/attributes.h"
#include "services/ecr/naming.h"

namespace entrepot::ecr {
namespace {

using aws::Ask, aws::CallContext;

// The repository that the request names.
constexpr auto kOnRepository = [](const CallContext& call, const auto& request) {
  return Ask{{RepositoryArn(RegistryOf(call, request.registry_id), request.repository_name)}, {}};
};

// Creating also asks about the tags that come with it.
Ask OnNewRepository(const CallContext& call, const CreateRepositoryRequest& request) {
  Ask ask = kOnRepository(call, request);
  if (request.tags) AddTagKeys(*request.tags, ask.keys);
  return ask;
}

// The named repositories, or all of the registry.
Ask OnRepositories(const CallContext& call, const DescribeRepositoriesRequest& request) {
  const RegistryName registry = RegistryOf(call, request.registry_id);
  Ask ask;
  for (const std::string& name : request.repository_names.value_or(std::vector<std::string>{}))
    ask.resources.push_back(RepositoryArn(registry, name));
  if (ask.resources.empty()) ask.resources.push_back(RepositoryArn(registry, "*"));
  return ask;
}

// The resource that the request names by its ARN, and the tags that it brings or takes.
Ask OnResource(const CallContext&, const ListTagsForResourceRequest& request) {
  return {{request.resource_arn}, {}};
}
Ask OnTaggedResource(const CallContext&, const TagResourceRequest& request) {
  Ask ask{{request.resource_arn}, {}};
  AddTagKeys(request.tags, ask.keys);
  return ask;
}
Ask OnUntaggedResource(const CallContext&, const UntagResourceRequest& request) {
  Ask ask{{request.resource_arn}, {}};
  for (const std::string& key : request.tag_keys) ask.keys.emplace_back("aws:tagkeys", key);
  return ask;
}

constexpr std::string_view kNoLifecycle = "the lifecycle engine is not there yet";
constexpr std::string_view kNoScanning = "the scanner is not there yet";
constexpr std::string_view kNoReplication = "replication is not there yet";
constexpr std::string_view kNoPullThrough = "the pull-through cache is not there yet";
constexpr std::string_view kNoSigning = "signing is not there yet";

constexpr aws::NotServed kNotServed[] = {
    {"BatchGetRepositoryScanningConfiguration", kNoScanning},
    {"CreatePullThroughCacheRule", kNoPullThrough},
    {"DeleteLifecyclePolicy", kNoLifecycle},
    {"DeletePullThroughCacheRule", kNoPullThrough},
    {"DeleteSigningConfiguration", kNoSigning},
    {"DescribeImageReplicationStatus", kNoReplication},
    {"DescribeImageScanFindings", kNoScanning},
    {"DescribeImageSigningStatus", kNoSigning},
    {"DescribePullThroughCacheRules", kNoPullThrough},
    {"GetLifecyclePolicy", kNoLifecycle},
    {"GetLifecyclePolicyPreview", kNoLifecycle},
    {"GetRegistryScanningConfiguration", kNoScanning},
    {"GetSigningConfiguration", kNoSigning},
    {"PutLifecyclePolicy", kNoLifecycle},
    {"PutRegistryScanningConfiguration", kNoScanning},
    {"PutReplicationConfiguration", kNoReplication},
    {"PutSigningConfiguration", kNoSigning},
    {"StartImageScan", kNoScanning},
    {"StartLifecyclePolicyPreview", kNoLifecycle},
    {"UpdatePullThroughCacheRule", kNoPullThrough},
    {"ValidatePullThroughCacheRule", kNoPullThrough},
};

}  // namespace

aws::Service EcrService(Ecr& ecr) {
  using aws::Row;
  return {
      .model = &model::kService,
      .protocol = aws::Protocol::kJson,
      .operations =
          {
              Row(ecr, model::kBatchCheckLayerAvailability, &BatchCheckLayerAvailability,
                  "ecr:BatchCheckLayerAvailability", kOnRepository),
              Row(ecr, model::kBatchDeleteImage, &BatchDeleteImage, "ecr:BatchDeleteImage", kOnRepository),
              Row(ecr, model::kBatchGetImage, &BatchGetImage, "ecr:BatchGetImage", kOnRepository),
              Row(ecr, model::kCompleteLayerUpload, &CompleteLayerUpload, "ecr:CompleteLayerUpload",
                  kOnRepository),
              Row(ecr, model::kCreateRepository, &CreateRepository, "ecr:CreateRepository", OnNewRepository),
              Row(ecr, model::kCreateRepositoryCreationTemplate, &CreateRepositoryCreationTemplate,
                  "ecr:CreateRepositoryCreationTemplate", aws::kOnAnything),
              Row(ecr, model::kDeleteRegistryPolicy, &DeleteRegistryPolicy, "ecr:DeleteRegistryPolicy",
                  aws::kOnAnything),
              Row(ecr, model::kDeleteRepository, &DeleteRepository, "ecr:DeleteRepository", kOnRepository),
              Row(ecr, model::kDeleteRepositoryCreationTemplate, &DeleteRepositoryCreationTemplate,
                  "ecr:DeleteRepositoryCreationTemplate", aws::kOnAnything),
              Row(ecr, model::kDeleteRepositoryPolicy, &DeleteRepositoryPolicy, "ecr:DeleteRepositoryPolicy",
                  kOnRepository),
              Row(ecr, model::kDeregisterPullTimeUpdateExclusion, &DeregisterPullTimeUpdateExclusion,
                  "ecr:DeregisterPullTimeUpdateExclusion", aws::kOnAnything),
              Row(ecr, model::kDescribeImages, &DescribeImages, "ecr:DescribeImages", kOnRepository),
              Row(ecr, model::kDescribeRegistry, &DescribeRegistry, "ecr:DescribeRegistry", aws::kOnAnything),
              Row(ecr, model::kDescribeRepositories, &DescribeRepositories, "ecr:DescribeRepositories",
                  OnRepositories),
              Row(ecr, model::kDescribeRepositoryCreationTemplates, &DescribeRepositoryCreationTemplates,
                  "ecr:DescribeRepositoryCreationTemplates", aws::kOnAnything),
              Row(ecr, model::kGetAccountSetting, &GetAccountSetting, "ecr:GetAccountSetting",
                  aws::kOnAnything),
              Row(ecr, model::kGetAuthorizationToken, &GetAuthorizationToken, "ecr:GetAuthorizationToken",
                  aws::kOnAnything),
              Row(ecr, model::kGetDownloadUrlForLayer, &GetDownloadUrlForLayer, "ecr:GetDownloadUrlForLayer",
                  kOnRepository),
              Row(ecr, model::kGetRegistryPolicy, &GetRegistryPolicy, "ecr:GetRegistryPolicy",
                  aws::kOnAnything),
              Row(ecr, model::kGetRepositoryPolicy, &GetRepositoryPolicy, "ecr:GetRepositoryPolicy",
                  kOnRepository),
              Row(ecr, model::kInitiateLayerUpload, &InitiateLayerUpload, "ecr:InitiateLayerUpload",
                  kOnRepository),
              // BatchGetImage is the leave that it needs (ecr-semantics 2.2, 4.5).
              Row(ecr, model::kListImageReferrers, &ListImageReferrers, "ecr:BatchGetImage", kOnRepository),
              Row(ecr, model::kListImages, &ListImages, "ecr:ListImages", kOnRepository),
              Row(ecr, model::kListPullTimeUpdateExclusions, &ListPullTimeUpdateExclusions,
                  "ecr:ListPullTimeUpdateExclusions", aws::kOnAnything),
              Row(ecr, model::kListTagsForResource, &ListTagsForResource, "ecr:ListTagsForResource",
                  OnResource),
              Row(ecr, model::kPutAccountSetting, &PutAccountSetting, "ecr:PutAccountSetting",
                  aws::kOnAnything),
              Row(ecr, model::kPutImage, &PutImage, "ecr:PutImage", kOnRepository),
              Row(ecr, model::kPutImageScanningConfiguration, &PutImageScanningConfiguration,
                  "ecr:PutImageScanningConfiguration", kOnRepository),
              Row(ecr, model::kPutImageTagMutability, &PutImageTagMutability, "ecr:PutImageTagMutability",
                  kOnRepository),
              Row(ecr, model::kPutRegistryPolicy, &PutRegistryPolicy, "ecr:PutRegistryPolicy",
                  aws::kOnAnything),
              Row(ecr, model::kRegisterPullTimeUpdateExclusion, &RegisterPullTimeUpdateExclusion,
                  "ecr:RegisterPullTimeUpdateExclusion", aws::kOnAnything),
              Row(ecr, model::kSetRepositoryPolicy, &SetRepositoryPolicy, "ecr:SetRepositoryPolicy",
                  kOnRepository),
              Row(ecr, model::kTagResource, &TagResource, "ecr:TagResource", OnTaggedResource),
              Row(ecr, model::kUntagResource, &UntagResource, "ecr:UntagResource", OnUntaggedResource),
              Row(ecr, model::kUpdateImageStorageClass, &UpdateImageStorageClass,
                  "ecr:UpdateImageStorageClass", kOnRepository),
              Row(ecr, model::kUpdateRepositoryCreationTemplate, &UpdateRepositoryCreationTemplate,
                  "ecr:UpdateRepositoryCreationTemplate", aws::kOnAnything),
              Row(ecr, model::kUploadLayerPart, &UploadLayerPart, "ecr:UploadLayerPart", kOnRepository),
          },
      .not_served = kNotServed,
  };
}

}  // namespace entrepot::ecr
