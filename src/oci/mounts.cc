#include "oci/mounts.h"

#include <vector>

#include "base/log.h"

namespace entrepot::oci {
namespace {

constexpr int kMaxSources = 32;

bool MayPush(const Rooms& rooms, const Call& call) {
  for (const std::string_view action : {"ecr:InitiateLayerUpload", "ecr:PutImage"})
    if (!Authorize(rooms, call, action, call.repository->name)) return false;
  return true;
}

}  // namespace

Result<bool> MountFrom(const Rooms& rooms, const Call& call, const RepositoryName& source,
                       const Digest& digest) {
  if (rooms.ecr_quirks) return false;  // where BLOB_MOUNTING is off until it is switched on
  if (!Authorize(rooms, call, "ecr:GetDownloadUrlForLayer", source)) return false;
  Result<registry::RepositoryPtr> found = rooms.repositories.Find(*call.registry, source);
  if (!found && found.error().code() == ErrorCode::kRepositoryNotFound) return false;
  const registry::RepositoryPtr repository = TRY(std::move(found));
  return rooms.layers.Mount(*repository, *call.repository, digest);
}

Result<bool> MountFromAnywhere(const Rooms& rooms, const Call& call, const Digest& digest) {
  if (!MayPush(rooms, call)) return false;
  for (const RepositoryName& source : TRY(rooms.layers.SourcesOf(*call.repository, digest, kMaxSources))) {
    if (!TRY(MountFrom(rooms, call, source, digest))) continue;
    log::Info("a layer was read in one repository for a push to another",
              {{"principal", call.caller->arn},
               {"source", source.str()},
               {"repository", call.repository->name.str()},
               {"digest", digest.ToString()}});
    return true;
  }
  return false;
}

}  // namespace entrepot::oci
