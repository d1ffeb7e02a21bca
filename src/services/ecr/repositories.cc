#include <algorithm>

#include "services/ecr/naming.h"

namespace entrepot::ecr {
namespace {

constexpr std::size_t kMaxResourceTags = 50;  // ecr-semantics 4.1

std::optional<std::vector<ImageTagMutabilityExclusionFilter>> ToFilters(
    const std::vector<std::string>& filters) {
  if (filters.empty()) return std::nullopt;
  std::vector<ImageTagMutabilityExclusionFilter> out;
  for (const std::string& filter : filters)
    out.push_back({.filter = filter, .filter_type = ImageTagMutabilityExclusionFilterType::kWildcard});
  return out;
}

Repository ToAnswer(const Ecr& ecr, const aws::CallContext& call, const registry::Repository& repository) {
  return {.created_at = repository.created_at,
          .encryption_configuration =
              EncryptionConfiguration{
                  .encryption_type = static_cast<EncryptionType>(static_cast<int>(repository.encryption) - 1),
                  .kms_key = repository.kms_key.empty() ? std::nullopt : std::optional(repository.kms_key)},
          .image_scanning_configuration = ImageScanningConfiguration{.scan_on_push = repository.scan_on_push},
          .image_tag_mutability =
              static_cast<ImageTagMutability>(static_cast<int>(repository.tag_mutability) - 1),
          .image_tag_mutability_exclusion_filters = ToFilters(repository.tag_exclusions),
          .registry_id = repository.registry.account.str(),
          .repository_arn = RepositoryArn(repository.registry, repository.name),
          .repository_name = repository.name.str(),
          .repository_uri = RegistryHost(ecr, call, repository.registry) + "/" + repository.name.str()};
}

// The stored enums are the model's plus one, in the model's order.
static_assert(static_cast<int>(registry::EncryptionMode::kKmsDsse) - 1 ==
              static_cast<int>(EncryptionType::kKmsDsse));
static_assert(static_cast<int>(registry::TagMutability::kMutableWithExclusion) - 1 ==
              static_cast<int>(ImageTagMutability::kMutableWithExclusion));

Result<std::vector<std::string>> ReadExclusions(const CreateRepositoryRequest& request,
                                                ImageTagMutability mutability) {
  constexpr std::string_view kParameter = "imageTagMutabilityExclusionFilters";
  const bool wanted = mutability == ImageTagMutability::kImmutableWithExclusion ||
                      mutability == ImageTagMutability::kMutableWithExclusion;
  const auto& filters = request.image_tag_mutability_exclusion_filters;
  const bool given = filters && !filters->empty();
  if (wanted != given)
    return InvalidParameter(std::string(kParameter),
                            "ImageTagMutabilityExclusionFilters can" + std::string(wanted ? "'t" : " only") +
                                " be " + (wanted ? "null when" : "set when") +
                                " imageTagMutability is set as " +
                                (wanted ? std::string(ToString(mutability))
                                        : "IMMUTABLE_WITH_EXCLUSION or MUTABLE_WITH_EXCLUSION"));
  std::vector<std::string> exclusions;
  if (!given) return exclusions;
  for (const ImageTagMutabilityExclusionFilter& filter : *filters) {
    if (std::ranges::count(filter.filter, '*') > 2)
      return InvalidParameter(std::string(kParameter), "a filter can contain a maximum of 2 wildcards (*)");
    exclusions.push_back(filter.filter);
  }
  return exclusions;
}

Result<std::vector<registry::ResourceTag>> ReadResourceTags(const RegistryName& registry,
                                                            const CreateRepositoryRequest& request) {
  std::vector<registry::ResourceTag> tags;
  for (const Tag& tag : request.tags.value_or(std::vector<Tag>{})) {
    if (tag.key.empty() || tag.key.size() > 128 || tag.value.size() > 256)
      return Fail(ErrorCode::kInvalidTagParameter,
                  "a tag key has 1 to 128 characters and a tag value at most 256: '" + tag.key + "'");
    if (tag.key.starts_with("aws:"))
      return Fail(ErrorCode::kInvalidTagParameter,
                  "tag keys cannot begin with aws:, as '" + tag.key + "' does");
    if (std::ranges::any_of(tags, [&](const auto& other) { return other.first == tag.key; }))
      return Fail(ErrorCode::kInvalidTagParameter, "the tag key '" + tag.key + "' is given twice");
    tags.emplace_back(tag.key, tag.value);
  }
  if (tags.size() > kMaxResourceTags)
    return Fail(Error(ErrorCode::kTooManyTags)
                    .With("repository", request.repository_name)
                    .With("account", registry.account.str()));
  return tags;
}

Result<registry::EncryptionMode> ReadEncryption(const CreateRepositoryRequest& request) {
  if (!request.encryption_configuration) return registry::EncryptionMode::kAes256;
  const EncryptionConfiguration& wanted = *request.encryption_configuration;
  if (wanted.encryption_type == EncryptionType::kAes256 && wanted.kms_key && !wanted.kms_key->empty())
    return InvalidParameter("encryptionConfiguration",
                            "kmsKey can only be given with encryptionType KMS or KMS_DSSE");
  return static_cast<registry::EncryptionMode>(static_cast<int>(wanted.encryption_type) + 1);
}

}  // namespace

Result<CreateRepositoryResponse> CreateRepository(Ecr& ecr, const aws::CallContext& call,
                                                  const CreateRepositoryRequest& request) {
  const RegistryName registry = RegistryOf(call, request.registry_id);
  const ImageTagMutability mutability = request.image_tag_mutability.value_or(ImageTagMutability::kMutable);
  const auto& scanning = request.image_scanning_configuration;
  registry::NewRepository wanted{
      .name = RepositoryName::Trusted(request.repository_name),
      .tag_mutability = static_cast<registry::TagMutability>(static_cast<int>(mutability) + 1),
      .scan_on_push = scanning && scanning->scan_on_push.value_or(false)};
  wanted.encryption = TRY(ReadEncryption(request));
  wanted.tag_exclusions = TRY(ReadExclusions(request, mutability));
  wanted.tags = TRY(ReadResourceTags(registry, request));
  const registry::RepositoryPtr repository = TRY(ecr.repositories.Create(registry, std::move(wanted)));
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

}  // namespace entrepot::ecr
