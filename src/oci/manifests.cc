// Images by tag or digest: pulled, pushed, deleted.

#include "oci/answers.h"
#include "oci/operations.h"

namespace entrepot::oci {
namespace {

registry::ImageReference ReferenceOf(const Route& route) {
  return {.digest = route.digest, .tag = route.tag};
}

std::string ReferenceText(const Route& route) {
  return route.tag ? route.tag->str() : route.digest->ToString();
}

/// The media type without its parameters, which OCI Distribution v1.1 tells registries to ignore; "" for an
/// "application/json" and the like, which says nothing about the manifest.
std::string DeclaredMediaType(const http::RequestHead& head) {
  std::string_view type = head.Header("Content-Type");
  type = type.substr(0, type.find(';'));
  const std::size_t end = type.find_last_not_of(" \t");
  type = type.substr(0, end + 1);  // npos + 1 is 0
  return registry::IsManifestType(type) ? std::string(type) : std::string();
}

/// ECR refuses an immutable tag even to the image that has it.
Result<> CheckRepeatedTag(const Rooms& rooms, const Call& call, const registry::PutImageResult& image) {
  if (!rooms.ecr_quirks || !call.route.tag || image.tag_moved) return {};
  const registry::Repository& repository = *call.repository;
  if (!registry::IsTagImmutable(repository.tag_mutability, repository.tag_exclusions, *call.route.tag))
    return {};
  return Fail(Error(ErrorCode::kImageTagImmutable)
                  .With("repository", call.repository->name.str())
                  .With("tag", call.route.tag->str()));
}

}  // namespace

Result<http::Reply> GetManifest(const Rooms& rooms, const CallPtr& call) {
  const registry::StoredManifestPtr manifest =
      TRY(rooms.images.Get(*call->repository, ReferenceOf(call->route)));
  http::Response answer = ManifestAnswer(call->head, *manifest);
  if (IsPull(call->head, answer)) {
    rooms.pulls.Note(*call->repository, manifest->digest, ReferenceText(call->route), call->caller->arn);
    rooms.traffic.Pulled(*call->repository, manifest->content->size());
  }
  return answer;
}

Result<http::Reply> PutManifest(const Rooms& rooms, const CallPtr& call) {
  const std::vector<ImageTag> tags =
      call->route.tag ? std::vector{*call->route.tag} : std::move(call->parameters.tags);
  const std::size_t size = call->body.size();
  const registry::PutImageResult image =
      TRY(rooms.images.Put(*call->repository, {.content = std::move(call->body),
                                               .declared_media_type = DeclaredMediaType(call->head),
                                               .digest = call->route.digest,
                                               .tags = tags,
                                               .condition = ConditionOf(call->head)}));
  TRY(CheckRepeatedTag(rooms, *call, image));
  rooms.traffic.Pushed(*call->repository, size);
  const std::string digest = image.digest.ToString();
  http::Response response{.status = 201};
  response.Add("Location", "/v2/" + call->repository->name.str() + "/manifests/" + digest);
  response.Add("Docker-Content-Digest", digest);
  if (image.subject) response.Add("OCI-Subject", image.subject->ToString());
  if (call->route.digest)
    for (const ImageTag& tag : tags) response.Add("OCI-Tag", tag.str());
  return response;
}

/// A tag goes alone, as the specification has it (with ECR the last one takes the image); a digest takes the
/// image and every tag on it.
Result<http::Reply> DeleteManifest(const Rooms& rooms, const CallPtr& call) {
  TRY(rooms.images.Delete(*call->repository, ReferenceOf(call->route),
                          /*last_tag_takes_image=*/rooms.ecr_quirks, ConditionOf(call->head)));
  return http::Response{.status = 202};
}

}  // namespace entrepot::oci
