#include <algorithm>

#include <fmt/format.h>

#include "registry/manifest_conversion.h"
#include "services/ecr/image_status.h"
#include "services/ecr/naming.h"

namespace entrepot::ecr {
namespace {

using registry::ImageReference;

// Parameters that errors are about.
constexpr std::string_view kId = "imageId", kIds = "imageIds", kDigest = "imageDigest";

std::optional<std::string> Maybe(std::string text) {
  return text.empty() ? std::nullopt : std::optional(std::move(text));
}

ImageIdentifier ToIdentifier(const registry::Images::ImageId& id) {
  return {.image_digest = id.digest.ToString(), .image_tag = Maybe(id.tag)};
}

// Why an image id of a batch was not served. The texts are ECR's (ecr-semantics 3.4).
ImageFailure Failure(const ImageIdentifier& id, ImageFailureCode code, std::string reason) {
  return {.failure_code = code, .failure_reason = std::move(reason), .image_id = id};
}

// kImageNotFound, kInvalidParameter about imageDigest, imageTag or (when the id is empty) the `parameter`
// that has the id.
Result<ImageReference> ReadIdentifier(const registry::Repository& repository, const ImageIdentifier& id,
                                      std::string_view parameter = kIds) {
  if (!id.image_digest && !id.image_tag)
    return InvalidParameter(std::string(parameter), "both tag and digest cannot be null");
  ImageReference reference;
  if (id.image_tag) reference.tag = TRY(ImageTag::Parse(*id.image_tag));
  if (id.image_digest) {
    reference.digest = TRY(ReadDigest(kDigest, *id.image_digest));
    if (!reference.digest)
      return Fail(Error(ErrorCode::kImageNotFound)
                      .With("digest", *id.image_digest)
                      .With("tag", id.image_tag.value_or("null"))
                      .With("repository", repository.name.str())
                      .With("account", repository.registry.account.str()));
  }
  return reference;
}

// The failures that the errors of one image are in a batch; nothing for an error of the whole call.
std::optional<ImageFailure> AsFailure(const ImageIdentifier& id, const Error& error) {
  const std::string_view parameter = error.fact("parameter");
  switch (error.code()) {
    case ErrorCode::kImageNotFound:
      return Failure(id, ImageFailureCode::kImageNotFound, "Requested image not found");
    case ErrorCode::kImageArchived:
      return Failure(id, ImageFailureCode::kImageInaccessible, "Requested image is archived");
    case ErrorCode::kImageTagDigestMismatch:
      return Failure(id, ImageFailureCode::kImageTagDoesNotMatchDigest,
                     "Requested image digest does not match the image tag");
    case ErrorCode::kImageReferencedByIndex:
      return Failure(id, ImageFailureCode::kImageReferencedByManifestList,
                     "Requested image referenced by manifest list: " + std::string(error.fact("digests")));
    case ErrorCode::kInvalidParameter:
      if (parameter == kIds)
        return Failure(id, ImageFailureCode::kMissingDigestAndTag,
                       "Invalid request parameters: both tag and digest cannot be null");
      if (parameter == kDigest)
        return Failure(id, ImageFailureCode::kInvalidImageDigest,
                       fmt::format("Invalid request parameters: image digest should satisfy the regex '{}'",
                                   kDigestExpression));
      return Failure(id, ImageFailureCode::kInvalidImageTag,
                     "Invalid request parameters: image tag should satisfy the regex '[a-zA-Z0-9-_.]+'");
    default:
      return std::nullopt;
  }
}

// In a batch, a tag and a digest that name different images are a mismatch; when the tag is absent, not
// found.
Result<registry::StoredManifestPtr> GetOne(Ecr& ecr, const registry::Repository& repository,
                                           const ImageIdentifier& id) {
  const ImageReference reference = TRY(ReadIdentifier(repository, id));
  auto found = ecr.images.Get(repository, reference);
  if (found || found.error().code() != ErrorCode::kImageNotFound || !reference.tag || !reference.digest)
    return found;
  if (ecr.images.Get(repository, {std::nullopt, reference.tag}))
    return Fail(ErrorCode::kImageTagDigestMismatch);
  return found;
}

Result<registry::Images::Deleted> DeleteOne(Ecr& ecr, const registry::Repository& repository,
                                            const ImageIdentifier& id) {
  return ecr.images.Delete(repository, TRY(ReadIdentifier(repository, id)), true);
}

Image ToImage(const registry::Repository& repository, const registry::StoredManifest& manifest,
              const std::optional<std::string>& tag) {
  return {.image_id = ImageIdentifier{.image_digest = manifest.digest.ToString(), .image_tag = tag},
          .image_manifest = *manifest.content,
          .image_manifest_media_type = manifest.media_type,
          .registry_id = repository.registry.account.str(),
          .repository_name = repository.name.str()};
}

// The image in a form that the caller accepts: as it is stored, or, when it was asked for by tag, converted.
std::optional<Image> InAcceptedForm(const registry::Repository& repository,
                                    const registry::StoredManifest& manifest, const ImageIdentifier& id,
                                    const std::optional<std::vector<std::string>>& accepted) {
  Image image = ToImage(repository, manifest, id.image_tag);
  if (!accepted || accepted->empty() || std::ranges::find(*accepted, manifest.media_type) != accepted->end())
    return image;
  if (id.image_digest) return std::nullopt;
  auto converted = registry::ConvertManifest(*manifest.content, manifest.media_type, *accepted);
  if (!converted) return std::nullopt;
  image.image_manifest = std::move(converted->content);
  image.image_manifest_media_type = std::move(converted->media_type);
  return image;
}

ImageDetail ToAnswer(const registry::Repository& repository, registry::ImageDetail detail) {
  return {
      .artifact_media_type = Maybe(std::move(detail.artifact_type)),
      .image_digest = detail.digest.ToString(),
      .image_manifest_media_type = std::move(detail.media_type),
      .image_pushed_at = detail.pushed_at,
      .image_size_in_bytes = detail.image_size,
      .image_status = ToShape<ImageStatus>(detail.status),
      .image_tags = detail.tags.empty() ? std::nullopt : std::optional(std::move(detail.tags)),
      .last_activated_at = detail.last_activated_at,
      .last_archived_at = detail.last_archived_at,
      .last_recorded_pull_time = detail.last_pulled_at,
      .registry_id = repository.registry.account.str(),
      .repository_name = repository.name.str(),
      .subject_manifest_digest = detail.subject ? std::optional(detail.subject->ToString()) : std::nullopt};
}

template <class Filter>
registry::ImageFilter ReadFilter(const std::optional<Filter>& filter) {
  registry::ImageFilter out;
  if (!filter) return out;
  if (filter->tag_status == TagStatus::kTagged) out.tags = registry::TagStatus::kTagged;
  if (filter->tag_status == TagStatus::kUntagged) out.tags = registry::TagStatus::kUntagged;
  out.status = FromFilter(filter->image_status);
  return out;
}

// The name of a list for its page tokens: the same repository and the same filter.
std::string ListName(std::string_view operation, const registry::Repository& repository,
                     const registry::ImageFilter& filter) {
  return fmt::format("{} {} {} {}", operation, static_cast<std::int64_t>(repository.id),
                     static_cast<int>(filter.tags), filter.status ? static_cast<int>(*filter.status) : 0);
}

template <class Request>
Result<PageRequest> ReadPage(Ecr& ecr, const std::string& list, const Request& request) {
  return PageRequest{.limit = static_cast<int>(request.max_results.value_or(kDefaultPage)),
                     .after = TRY(OpenNextToken(ecr, list, request.next_token))};
}

Result<DescribeImagesResponse> DescribeNamed(Ecr& ecr, const registry::Repository& repository,
                                             const DescribeImagesRequest& request,
                                             const registry::ImageFilter& filter) {
  DescribeImagesResponse answer{.image_details = std::vector<ImageDetail>{}, .next_token = std::nullopt};
  std::vector<Digest> seen;
  for (const ImageIdentifier& id : *request.image_ids) {
    const ImageReference reference = TRY(ReadIdentifier(repository, id));
    registry::ImageDetail detail = TRY(ecr.images.Describe(repository, reference));
    if (std::ranges::find(seen, detail.digest) != seen.end()) continue;
    seen.push_back(detail.digest);
    if (filter.Admits(!detail.tags.empty(), detail.status))
      answer.image_details->push_back(ToAnswer(repository, std::move(detail)));
  }
  return answer;
}

}  // namespace

Result<PutImageResponse> PutImage(Ecr& ecr, const aws::CallContext& call, const PutImageRequest& request) {
  const registry::RepositoryPtr repository = TRY(FindRepository(ecr, call, request));
  registry::NewImage image{.content = request.image_manifest,
                           .declared_media_type = request.image_manifest_media_type.value_or("")};
  if (request.image_tag) image.tags = {TRY(ImageTag::Parse(*request.image_tag))};
  if (request.image_digest) {
    image.digest = TRY(ReadDigest(kDigest, *request.image_digest));
    if (!image.digest)
      return Fail(
          Error(ErrorCode::kImageDigestMismatch)
              .With("digest", Digest::Of(HashAlgorithm::kSha256, AsBytes(request.image_manifest)).ToString())
              .With("expected", *request.image_digest));
  }
  const registry::PutImageResult put = TRY(ecr.images.Put(*repository, std::move(image)));
  if (!put.created && !put.restored && !put.tag_moved)
    return Fail(Error(ErrorCode::kImageAlreadyExists)
                    .With("digest", put.digest.ToString())
                    .With("tag", request.image_tag.value_or("null"))
                    .With("repository", repository->name.str())
                    .With("account", repository->registry.account.str()));
  ecr.traffic.Pushed(*repository, request.image_manifest.size());
  return PutImageResponse{.image = Image{.image_id = ImageIdentifier{.image_digest = put.digest.ToString(),
                                                                     .image_tag = request.image_tag},
                                         .image_manifest = request.image_manifest,
                                         .image_manifest_media_type = put.media_type,
                                         .registry_id = repository->registry.account.str(),
                                         .repository_name = repository->name.str()}};
}

Result<BatchGetImageResponse> BatchGetImage(Ecr& ecr, const aws::CallContext& call,
                                            const BatchGetImageRequest& request) {
  const registry::RepositoryPtr repository = TRY(FindRepository(ecr, call, request));
  BatchGetImageResponse answer{.failures = std::vector<ImageFailure>{}, .images = std::vector<Image>{}};
  for (const ImageIdentifier& id : request.image_ids) {
    const auto manifest = GetOne(ecr, *repository, id);
    std::optional<Image> image;
    if (manifest) image = InAcceptedForm(*repository, **manifest, id, request.accepted_media_types);
    if (image) {
      answer.images->push_back(std::move(*image));
      ecr.pulls.Note(*repository, (*manifest)->digest, id.image_tag.value_or((*manifest)->digest.ToString()),
                     call.caller->arn);
      ecr.traffic.Pulled(*repository, (*manifest)->content->size());
    } else if (manifest) {
      answer.failures->push_back(Failure(id, ImageFailureCode::kImageNotFound, "Requested image not found"));
    } else if (auto failure = AsFailure(id, manifest.error())) {
      answer.failures->push_back(std::move(*failure));
    } else {
      return Fail(manifest.error());
    }
  }
  return answer;
}

Result<BatchDeleteImageResponse> BatchDeleteImage(Ecr& ecr, const aws::CallContext& call,
                                                  const BatchDeleteImageRequest& request) {
  const registry::RepositoryPtr repository = TRY(FindRepository(ecr, call, request));
  BatchDeleteImageResponse answer{.failures = std::vector<ImageFailure>{},
                                  .image_ids = std::vector<ImageIdentifier>{}};
  for (const ImageIdentifier& id : request.image_ids) {
    const auto deleted = DeleteOne(ecr, *repository, id);
    if (deleted) {
      for (const registry::Images::ImageId& gone : *deleted) answer.image_ids->push_back(ToIdentifier(gone));
    } else if (auto failure = AsFailure(id, deleted.error())) {
      answer.failures->push_back(std::move(*failure));
    } else {
      return Fail(deleted.error());
    }
  }
  return answer;
}

Result<ListImagesResponse> ListImages(Ecr& ecr, const aws::CallContext& call,
                                      const ListImagesRequest& request) {
  const registry::RepositoryPtr repository = TRY(FindRepository(ecr, call, request));
  const registry::ImageFilter filter = ReadFilter(request.filter);
  const std::string list = ListName("ListImages", *repository, filter);
  const PageRequest page_request = TRY(ReadPage(ecr, list, request));
  ListImagesResponse answer{.image_ids = std::vector<ImageIdentifier>{}, .next_token = std::nullopt};
  const auto page = TRY(ecr.images.ListIds(*repository, filter, page_request));
  for (const registry::Images::ImageId& id : page.entries) answer.image_ids->push_back(ToIdentifier(id));
  if (!page.next.empty()) answer.next_token = SealNextToken(ecr, list, page.next);
  return answer;
}

Result<DescribeImagesResponse> DescribeImages(Ecr& ecr, const aws::CallContext& call,
                                              const DescribeImagesRequest& request) {
  const registry::RepositoryPtr repository = TRY(FindRepository(ecr, call, request));
  const registry::ImageFilter filter = ReadFilter(request.filter);
  if (request.image_ids && !request.image_ids->empty()) {
    if (request.max_results || request.next_token)
      return InvalidParameter(request.max_results ? "maxResults" : "nextToken",
                              "cannot be given together with imageIds");
    return DescribeNamed(ecr, *repository, request, filter);
  }
  const std::string list = ListName("DescribeImages", *repository, filter);
  const PageRequest page_request = TRY(ReadPage(ecr, list, request));
  DescribeImagesResponse answer{.image_details = std::vector<ImageDetail>{}, .next_token = std::nullopt};
  auto page = TRY(ecr.images.List(*repository, filter, page_request));
  answer.image_details->reserve(page.entries.size());
  for (registry::ImageDetail& detail : page.entries)
    answer.image_details->push_back(ToAnswer(*repository, std::move(detail)));
  if (!page.next.empty()) answer.next_token = SealNextToken(ecr, list, page.next);
  return answer;
}

Result<UpdateImageStorageClassResponse> UpdateImageStorageClass(
    Ecr& ecr, const aws::CallContext& call, const UpdateImageStorageClassRequest& request) {
  const registry::RepositoryPtr repository = TRY(FindRepository(ecr, call, request));
  const ImageReference reference = TRY(ReadIdentifier(*repository, request.image_id, kId));
  const registry::StorageClass target = request.target_storage_class == TargetStorageClass::kArchive
                                            ? registry::StorageClass::kArchive
                                            : registry::StorageClass::kStandard;
  const registry::ImageStatus status = TRY(ecr.storage_classes.Update(*repository, reference, target));
  return UpdateImageStorageClassResponse{.image_id = request.image_id,
                                         .image_status = ToShape<ImageStatus>(status),
                                         .registry_id = repository->registry.account.str(),
                                         .repository_name = repository->name.str()};
}

}  // namespace entrepot::ecr
