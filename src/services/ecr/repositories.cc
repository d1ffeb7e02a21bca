#include "services/ecr/attributes.h"
#include "services/ecr/naming.h"

namespace entrepot::ecr {
namespace {

Repository ToAnswer(const Ecr& ecr, const aws::CallContext& call, const registry::Repository& repository) {
  return {.created_at = repository.created_at,
          .encryption_configuration =
              EncryptionConfiguration{
                  .encryption_type = ToModel(repository.encryption),
                  .kms_key = repository.kms_key.empty() ? std::nullopt : std::optional(repository.kms_key)},
          .image_scanning_configuration = ImageScanningConfiguration{.scan_on_push = repository.scan_on_push},
          .image_tag_mutability = ToModel(repository.tag_mutability),
          .image_tag_mutability_exclusion_filters = ToFilters(repository.tag_exclusions),
          .registry_id = repository.registry.account.str(),
          .repository_arn = RepositoryArn(repository.registry, repository.name),
          .repository_name = repository.name.str(),
          .repository_uri = RegistryHost(ecr, call, repository.registry) + "/" + repository.name.str()};
}

}  // namespace

Result<CreateRepositoryResponse> CreateRepository(Ecr& ecr, const aws::CallContext& call,
                                                  const CreateRepositoryRequest& request) {
  const RegistryName registry = RegistryOf(call, request.registry_id);
  const ImageTagMutability mutability = request.image_tag_mutability.value_or(ImageTagMutability::kMutable);
  const auto& scanning = request.image_scanning_configuration;
  registry::NewRepository wanted{.name = RepositoryName::Trusted(request.repository_name),
                                 .tag_mutability = ToDomain(mutability),
                                 .scan_on_push = scanning && scanning->scan_on_push.value_or(false)};
  if (const auto& encryption = request.encryption_configuration)
    wanted.encryption = TRY(ReadEncryption(encryption->encryption_type, encryption->kms_key));
  wanted.tag_exclusions = TRY(ReadExclusions(mutability, request.image_tag_mutability_exclusion_filters));
  wanted.tags = TRY(ReadResourceTags(request.tags.value_or(std::vector<Tag>{})));
  const registry::RepositoryPtr repository = TRY(ecr.repositories.Create(registry, wanted));
  return CreateRepositoryResponse{.repository = ToAnswer(ecr, call, *repository)};
}

Result<DescribeRepositoriesResponse> DescribeRepositories(Ecr& ecr, const aws::CallContext& call,
                                                          const DescribeRepositoriesRequest& request) {
  const RegistryName registry = RegistryOf(call, request.registry_id);
  DescribeRepositoriesResponse answer{.next_token = std::nullopt, .repositories = std::vector<Repository>{}};
  if (request.repository_names && !request.repository_names->empty()) {
    if (request.max_results || request.next_token)
      return InvalidParameter(request.max_results ? "maxResults" : "nextToken",
                              "cannot be given together with repositoryNames");
    for (const std::string& name : *request.repository_names) {
      const auto repository = TRY(ecr.repositories.Find(registry, RepositoryName::Trusted(name)));
      answer.repositories->push_back(ToAnswer(ecr, call, *repository));
    }
    return answer;
  }
  const std::string list = "DescribeRepositories " + registry.account.str() + " " + registry.region.str();
  const PageRequest page_request{.limit = static_cast<int>(request.max_results.value_or(kDefaultPage)),
                                 .after = TRY(OpenNextToken(ecr, list, request.next_token))};
  const auto page = TRY(ecr.repositories.List(registry, page_request));
  for (const registry::RepositoryPtr& repository : page.entries)
    answer.repositories->push_back(ToAnswer(ecr, call, *repository));
  if (!page.next.empty()) answer.next_token = SealNextToken(ecr, list, page.next);
  return answer;
}

Result<DeleteRepositoryResponse> DeleteRepository(Ecr& ecr, const aws::CallContext& call,
                                                  const DeleteRepositoryRequest& request) {
  const auto repository = TRY(ecr.repositories.Delete(RegistryOf(call, request.registry_id),
                                                      RepositoryName::Trusted(request.repository_name),
                                                      request.force.value_or(false)));
  return DeleteRepositoryResponse{.repository = ToAnswer(ecr, call, *repository)};
}

Result<PutImageTagMutabilityResponse> PutImageTagMutability(Ecr& ecr, const aws::CallContext& call,
                                                            const PutImageTagMutabilityRequest& request) {
  const std::vector<std::string> exclusions =
      TRY(ReadExclusions(request.image_tag_mutability, request.image_tag_mutability_exclusion_filters));
  const registry::RepositoryPtr repository = TRY(FindRepository(ecr, call, request));
  TRY(ecr.repositories.SetTagMutability(*repository, ToDomain(request.image_tag_mutability), exclusions));
  return PutImageTagMutabilityResponse{.image_tag_mutability = request.image_tag_mutability,
                                       .image_tag_mutability_exclusion_filters = ToFilters(exclusions),
                                       .registry_id = repository->registry.account.str(),
                                       .repository_name = repository->name.str()};
}

Result<PutImageScanningConfigurationResponse> PutImageScanningConfiguration(
    Ecr& ecr, const aws::CallContext& call, const PutImageScanningConfigurationRequest& request) {
  const bool scan_on_push = request.image_scanning_configuration.scan_on_push.value_or(false);
  const registry::RepositoryPtr repository = TRY(FindRepository(ecr, call, request));
  TRY(ecr.repositories.SetScanOnPush(*repository, scan_on_push));
  return PutImageScanningConfigurationResponse{
      .image_scanning_configuration = ImageScanningConfiguration{.scan_on_push = scan_on_push},
      .registry_id = repository->registry.account.str(),
      .repository_name = repository->name.str()};
}

}  // namespace entrepot::ecr
