#include "oci/mounts.h"

#include <vector>

namespace entrepot::oci {
namespace {

constexpr int kMaxSources = 32;

bool MayPush(const Rooms& rooms, const Call& call) {
  for (const std::string_view action : {"ecr:InitiateLayerUpload", "ecr:PutImage"})
    if (!Authorize(rooms, call, action, call.repository->name)) return false;
  return true;
}

// As ECR, which mounts only what an image of the source holds (ecr-semantics 4.10).
Result<bool> IsReferenced(const Rooms& rooms, const registry::Repository& source, const Digest& digest) {
  const Result<registry::OpenLayerPtr> layer = rooms.layers.Open(source, digest);
  if (!layer && layer.error().code() == ErrorCode::kLayerArchived) return false;
  if (!layer && layer.error().code() != ErrorCode::kLayerNotFound) return Fail(layer.error());
  return layer && (*layer)->referenced;
}

// Where BLOB_MOUNTING lets it.
Result<bool> LinkFrom(const Rooms& rooms, Call& call, const RepositoryName& source, const Digest& digest) {
  if (!Authorize(rooms, call, "ecr:GetDownloadUrlForLayer", source)) return false;
  Result<registry::RepositoryPtr> found = rooms.repositories.Find(*call.registry, source);
  if (!found && found.error().code() == ErrorCode::kRepositoryNotFound) return false;
  const registry::RepositoryPtr repository = TRY(std::move(found));
  if (rooms.ecr_quirks && !TRY(IsReferenced(rooms, *repository, digest))) return false;
  if (!TRY(rooms.layers.Mount(*repository, *call.repository, digest))) return false;
  call.read_from = source;
  return true;
}

}  // namespace

Result<bool> MountFrom(const Rooms& rooms, Call& call, const RepositoryName& source, const Digest& digest) {
  if (!TRY(rooms.account_settings.MayMount(*call.registry))) return false;
  return LinkFrom(rooms, call, source, digest);
}

Result<bool> MountFromAnywhere(const Rooms& rooms, Call& call, const Digest& digest) {
  if (!TRY(rooms.account_settings.MayMount(*call.registry)) || !MayPush(rooms, call)) return false;
  for (const RepositoryName& source : TRY(rooms.layers.SourcesOf(*call.repository, digest, kMaxSources))) {
    if (TRY(LinkFrom(rooms, call, source, digest))) return true;
  }
  return false;
}

}  // namespace entrepot::oci
