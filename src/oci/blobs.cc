// Layers that are there: read, asked for, deleted.

#include "http/response_head.h"
#include "oci/answers.h"
#include "oci/mounts.h"
#include "oci/operations.h"

namespace entrepot::oci {
namespace {

/// A caller who may push, and asks whether that is needed, gets the layer from another repository if one that
/// the caller may read has it (design-access 6).
Result<registry::LayerInfo> ClaimForCaller(const Rooms& rooms, Call& call) {
  Result<registry::LayerInfo> layer = rooms.layers.Claim(*call.repository, *call.route.digest);
  if (layer) return layer;
  const ErrorCode why = layer.error().code();
  if (why != ErrorCode::kLayerNotFound && why != ErrorCode::kLayerArchived) return layer;
  if (rooms.layers.WasDeleted(*call.repository, *call.route.digest)) return layer;
  if (!TRY(MountFromAnywhere(rooms, call, *call.route.digest))) return layer;
  return rooms.layers.Claim(*call.repository, *call.route.digest);
}

}  // namespace

Result<http::Reply> HeadBlob(const Rooms& rooms, const CallPtr& call) {
  const registry::LayerInfo layer = TRY(ClaimForCaller(rooms, *call));
  BlobAnswer answer = TRY(AnswerForBlob(call->head, layer.digest, static_cast<std::uint64_t>(layer.size)));
  return std::move(answer.response);
}

Result<http::Reply> GetBlob(const Rooms& rooms, const CallPtr& call) {
  const registry::OpenLayerPtr layer = TRY(rooms.layers.Open(*call->repository, *call->route.digest));
  http::Response answer = TRY(LayerAnswer(call->head, rooms.layers, layer));
  rooms.traffic.Sent(*call->repository, http::BodyLength(answer.body));
  return answer;
}

Result<http::Reply> DeleteBlob(const Rooms& rooms, const CallPtr& call) {
  TRY(rooms.layers.Delete(*call->repository, *call->route.digest));
  return http::Response{.status = 202};
}

}  // namespace entrepot::oci
