#pragma once

// Amazon ECR's private API: what the operations work with, and the operations by resource. Each is a
// translation between the typed request and the domain; the door has authenticated, validated and authorized
// before it runs.

#include <string>

#include "access/access.h"
#include "aws/operation.h"
#include "registry/account_settings.h"
#include "registry/creation_templates.h"
#include "registry/images.h"
#include "registry/layers.h"
#include "registry/policies.h"
#include "registry/pull_time_exclusions.h"
#include "registry/pulls.h"
#include "registry/referrers.h"
#include "registry/repositories.h"
#include "registry/storage_class.h"
#include "registry/traffic.h"
#include "registry/uploads.h"
#include "services/ecr/model.gen.h"

namespace entrepot::ecr {

struct Ecr {
  registry::Repositories& repositories;
  registry::Images& images;
  registry::StorageClasses& storage_classes;
  registry::Referrers& referrers;
  registry::Layers& layers;
  registry::Uploads& uploads;
  registry::Policies& policies;
  registry::AccountSettings& account_settings;
  registry::PullTimeExclusions& pull_time_exclusions;
  registry::Pulls& pulls;
  registry::Traffic& traffic;
  registry::CreationTemplates& creation_templates;
  access::Access& access;
  std::string domain;  // "" = URIs name the host that the caller used (design.md 1.3)
};

/// The API as a table. `ecr` outlives it.
aws::Service EcrService(Ecr& ecr);

// repositories.cc
Result<CreateRepositoryResponse> CreateRepository(Ecr&, const aws::CallContext&,
                                                  const CreateRepositoryRequest&);
Result<DescribeRepositoriesResponse> DescribeRepositories(Ecr&, const aws::CallContext&,
                                                          const DescribeRepositoriesRequest&);
Result<DeleteRepositoryResponse> DeleteRepository(Ecr&, const aws::CallContext&,
                                                  const DeleteRepositoryRequest&);
Result<PutImageTagMutabilityResponse> PutImageTagMutability(Ecr&, const aws::CallContext&,
                                                            const PutImageTagMutabilityRequest&);
Result<PutImageScanningConfigurationResponse> PutImageScanningConfiguration(
    Ecr&, const aws::CallContext&, const PutImageScanningConfigurationRequest&);

// policies.cc
Result<SetRepositoryPolicyResponse> SetRepositoryPolicy(Ecr&, const aws::CallContext&,
                                                        const SetRepositoryPolicyRequest&);
Result<GetRepositoryPolicyResponse> GetRepositoryPolicy(Ecr&, const aws::CallContext&,
                                                        const GetRepositoryPolicyRequest&);
Result<DeleteRepositoryPolicyResponse> DeleteRepositoryPolicy(Ecr&, const aws::CallContext&,
                                                              const DeleteRepositoryPolicyRequest&);
Result<PutRegistryPolicyResponse> PutRegistryPolicy(Ecr&, const aws::CallContext&,
                                                    const PutRegistryPolicyRequest&);
Result<GetRegistryPolicyResponse> GetRegistryPolicy(Ecr&, const aws::CallContext&,
                                                    const GetRegistryPolicyRequest&);
Result<DeleteRegistryPolicyResponse> DeleteRegistryPolicy(Ecr&, const aws::CallContext&,
                                                          const DeleteRegistryPolicyRequest&);

// registry.cc
Result<DescribeRegistryResponse> DescribeRegistry(Ecr&, const aws::CallContext&,
                                                  const DescribeRegistryRequest&);
Result<GetAccountSettingResponse> GetAccountSetting(Ecr&, const aws::CallContext&,
                                                    const GetAccountSettingRequest&);
Result<PutAccountSettingResponse> PutAccountSetting(Ecr&, const aws::CallContext&,
                                                    const PutAccountSettingRequest&);
Result<RegisterPullTimeUpdateExclusionResponse> RegisterPullTimeUpdateExclusion(
    Ecr&, const aws::CallContext&, const RegisterPullTimeUpdateExclusionRequest&);
Result<DeregisterPullTimeUpdateExclusionResponse> DeregisterPullTimeUpdateExclusion(
    Ecr&, const aws::CallContext&, const DeregisterPullTimeUpdateExclusionRequest&);
Result<ListPullTimeUpdateExclusionsResponse> ListPullTimeUpdateExclusions(
    Ecr&, const aws::CallContext&, const ListPullTimeUpdateExclusionsRequest&);

// creation_templates.cc
Result<CreateRepositoryCreationTemplateResponse> CreateRepositoryCreationTemplate(
    Ecr&, const aws::CallContext&, const CreateRepositoryCreationTemplateRequest&);
Result<UpdateRepositoryCreationTemplateResponse> UpdateRepositoryCreationTemplate(
    Ecr&, const aws::CallContext&, const UpdateRepositoryCreationTemplateRequest&);
Result<DeleteRepositoryCreationTemplateResponse> DeleteRepositoryCreationTemplate(
    Ecr&, const aws::CallContext&, const DeleteRepositoryCreationTemplateRequest&);
Result<DescribeRepositoryCreationTemplatesResponse> DescribeRepositoryCreationTemplates(
    Ecr&, const aws::CallContext&, const DescribeRepositoryCreationTemplatesRequest&);

// tags.cc
Result<ListTagsForResourceResponse> ListTagsForResource(Ecr&, const aws::CallContext&,
                                                        const ListTagsForResourceRequest&);
Result<TagResourceResponse> TagResource(Ecr&, const aws::CallContext&, const TagResourceRequest&);
Result<UntagResourceResponse> UntagResource(Ecr&, const aws::CallContext&, const UntagResourceRequest&);

// images.cc
Result<PutImageResponse> PutImage(Ecr&, const aws::CallContext&, const PutImageRequest&);
Result<BatchGetImageResponse> BatchGetImage(Ecr&, const aws::CallContext&, const BatchGetImageRequest&);
Result<BatchDeleteImageResponse> BatchDeleteImage(Ecr&, const aws::CallContext&,
                                                  const BatchDeleteImageRequest&);
Result<ListImagesResponse> ListImages(Ecr&, const aws::CallContext&, const ListImagesRequest&);
Result<DescribeImagesResponse> DescribeImages(Ecr&, const aws::CallContext&, const DescribeImagesRequest&);
Result<UpdateImageStorageClassResponse> UpdateImageStorageClass(Ecr&, const aws::CallContext&,
                                                                const UpdateImageStorageClassRequest&);

// referrers.cc
Result<ListImageReferrersResponse> ListImageReferrers(Ecr&, const aws::CallContext&,
                                                      const ListImageReferrersRequest&);

// layers.cc
Result<BatchCheckLayerAvailabilityResponse> BatchCheckLayerAvailability(
    Ecr&, const aws::CallContext&, const BatchCheckLayerAvailabilityRequest&);
Result<GetDownloadUrlForLayerResponse> GetDownloadUrlForLayer(Ecr&, const aws::CallContext&,
                                                              const GetDownloadUrlForLayerRequest&);
Result<InitiateLayerUploadResponse> InitiateLayerUpload(Ecr&, const aws::CallContext&,
                                                        const InitiateLayerUploadRequest&);
Result<UploadLayerPartResponse> UploadLayerPart(Ecr&, const aws::CallContext&, const UploadLayerPartRequest&);
Result<CompleteLayerUploadResponse> CompleteLayerUpload(Ecr&, const aws::CallContext&,
                                                        const CompleteLayerUploadRequest&);

// authorization_token.cc
Result<GetAuthorizationTokenResponse> GetAuthorizationToken(Ecr&, const aws::CallContext&,
                                                            const GetAuthorizationTokenRequest&);

}  // namespace entrepot::ecr
