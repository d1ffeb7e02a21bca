#include <fmt/format.h>

#include "registry/download_ticket.h"
#include "services/ecr/naming.h"

namespace entrepot::ecr {
namespace {

constexpr std::int64_t kPartSize = 10'485'760;  // ecr-semantics 4.3
// What ECR calls a layer that no manifest has named yet.
constexpr std::string_view kDefaultLayerType = "application/vnd.docker.image.rootfs.diff.tar.gzip";

// Those that a layer can have; it needs to have only one of them.
std::vector<Digest> ReadDigests(const std::vector<std::string>& texts) {
  std::vector<Digest> digests;
  for (const std::string& text : texts)
    if (const Result<Digest> digest = Digest::Parse(text)) digests.push_back(*digest);
  return digests;
}

LayerFailure Unusable(const std::string& text) {
  if (text.empty())
    return {.failure_code = LayerFailureCode::kMissingLayerDigest,
            .failure_reason = "Invalid request parameters: layer digest cannot be empty",
            .layer_digest = text};
  return {.failure_code = LayerFailureCode::kInvalidLayerDigest,
          .failure_reason = fmt::format(
              "Invalid request parameters: layer digest should satisfy the regex '{}'", kDigestExpression),
          .layer_digest = text};
}

Layer Unavailable(const std::string& text) {
  return {.layer_availability = LayerAvailability::kUnavailable, .layer_digest = text};
}

}  // namespace

Result<BatchCheckLayerAvailabilityResponse> BatchCheckLayerAvailability(
    Ecr& ecr, const aws::CallContext& call, const BatchCheckLayerAvailabilityRequest& request) {
  const registry::RepositoryPtr repository = TRY(FindRepository(ecr, call, request));
  BatchCheckLayerAvailabilityResponse answer{.failures = std::vector<LayerFailure>{},
                                             .layers = std::vector<Layer>{}};
  for (const std::string& text : request.layer_digests) {
    const Result<std::optional<Digest>> digest = ReadDigest("layerDigests", text);
    if (!digest) {
      answer.failures->push_back(Unusable(text));
      continue;
    }
    if (!*digest) {
      answer.layers->push_back(Unavailable(text));
      continue;
    }
    const Result<registry::LayerInfo> layer = ecr.layers.Claim(*repository, **digest);
    if (layer)
      answer.layers->push_back(
          {.layer_availability = LayerAvailability::kAvailable,
           .layer_digest = text,
           .layer_size = layer->size,
           .media_type = layer->media_type.empty() ? std::string(kDefaultLayerType) : layer->media_type});
    else if (layer.error().code() == ErrorCode::kLayerNotFound)
      answer.layers->push_back(Unavailable(text));
    else if (layer.error().code() == ErrorCode::kLayerArchived)
      answer.layers->push_back({.layer_availability = LayerAvailability::kArchived, .layer_digest = text});
    else
      return Fail(layer.error());
  }
  return answer;
}

Result<GetDownloadUrlForLayerResponse> GetDownloadUrlForLayer(Ecr& ecr, const aws::CallContext& call,
                                                              const GetDownloadUrlForLayerRequest& request) {
  const registry::RepositoryPtr repository = TRY(FindRepository(ecr, call, request));
  const Result<Digest> digest = Digest::Parse(request.layer_digest);
  const auto about = [&](ErrorCode code) {
    return Fail(Error(code)
                    .With("digest", request.layer_digest)
                    .With("repository", repository->name.str())
                    .With("account", repository->registry.account.str()));
  };
  if (!digest) return about(ErrorCode::kLayerNotFound);
  const registry::OpenLayerPtr layer = TRY(ecr.layers.Open(*repository, *digest));
  if (!layer->referenced) return about(ErrorCode::kLayerInaccessible);
  const registry::DownloadTicket ticket{.host = call.host,
                                        .registry = repository->registry,
                                        .repository = repository->name,
                                        .repository_id = repository->id,
                                        .digest = *digest,
                                        .principal = call.caller->unique_id,
                                        .access_key_id = call.caller->access_key_id,
                                        .expires_at = call.now + registry::kDownloadLifetime};
  return GetDownloadUrlForLayerResponse{.download_url = std::string(call.scheme) + "://" + call.host +
                                                        std::string(registry::kDownloadPath) +
                                                        registry::SealTicket(ecr.access, ticket),
                                        .layer_digest = request.layer_digest};
}

Result<InitiateLayerUploadResponse> InitiateLayerUpload(Ecr& ecr, const aws::CallContext& call,
                                                        const InitiateLayerUploadRequest& request) {
  const registry::RepositoryPtr repository = TRY(FindRepository(ecr, call, request));
  const registry::UploadTicket ticket = TRY(ecr.uploads.OpenDurable(*repository, call.caller->unique_id));
  return InitiateLayerUploadResponse{.part_size = kPartSize, .upload_id = ticket.id};
}

Result<UploadLayerPartResponse> UploadLayerPart(Ecr& ecr, const aws::CallContext& call,
                                                const UploadLayerPartRequest& request) {
  const registry::RepositoryPtr repository = TRY(FindRepository(ecr, call, request));
  const registry::UploadTicket ticket = TRY(ecr.uploads.Find(*repository, request.upload_id));
  const auto size = static_cast<std::int64_t>(request.layer_part_blob.size());
  if (request.part_last_byte - request.part_first_byte != size - 1) {  // neither is negative
    const registry::UploadStatus status = TRY(ecr.uploads.Status(*repository, ticket));
    return Fail(
        Error(ErrorCode::kUploadRangeInvalid, "partFirstByte and partLastByte do not span layerPartBlob")
            .With("upload", ticket.id)
            .With("offset", std::to_string(status.received))
            .With("repository", repository->name.str())
            .With("account", repository->registry.account.str()));
  }
  const auto part = TRY(ecr.uploads.AppendPart(
      *repository, ticket, static_cast<std::uint64_t>(request.part_first_byte), request.layer_part_blob));
  return UploadLayerPartResponse{.last_byte_received = static_cast<std::int64_t>(part.received) - 1,
                                 .registry_id = repository->registry.account.str(),
                                 .repository_name = repository->name.str(),
                                 .upload_id = ticket.id};
}

Result<CompleteLayerUploadResponse> CompleteLayerUpload(Ecr& ecr, const aws::CallContext& call,
                                                        const CompleteLayerUploadRequest& request) {
  const registry::RepositoryPtr repository = TRY(FindRepository(ecr, call, request));
  const registry::UploadTicket ticket = TRY(ecr.uploads.Find(*repository, request.upload_id));
  const registry::UploadedLayer layer =
      TRY(ecr.uploads.CompleteParts(*repository, ticket, ReadDigests(request.layer_digests)));
  ecr.traffic.Received(*repository, static_cast<std::uint64_t>(layer.size));
  return CompleteLayerUploadResponse{.layer_digest = layer.digest.ToString(),
                                     .registry_id = repository->registry.account.str(),
                                     .repository_name = repository->name.str(),
                                     .upload_id = ticket.id};
}

}  // namespace entrepot::ecr
