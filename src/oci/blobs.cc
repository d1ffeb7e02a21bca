// Layers that are there: read, asked for, deleted.

#include "oci/answers.h"
#include "oci/operations.h"

namespace entrepot::oci {

Result<http::Reply> HeadBlob(const Rooms& rooms, const CallPtr& call) {
  const registry::LayerInfo layer = TRY(rooms.layers.Claim(*call->repository, *call->route.digest));
  BlobAnswer answer = TRY(AnswerForBlob(call->head, layer.digest, static_cast<std::uint64_t>(layer.size)));
  return std::move(answer.response);
}

Result<http::Reply> GetBlob(const Rooms& rooms, const CallPtr& call) {
  const registry::OpenLayerPtr layer = TRY(rooms.layers.Open(*call->repository, *call->route.digest));
  return TRY(LayerAnswer(call->head, rooms.layers, layer));
}

Result<http::Reply> DeleteBlob(const Rooms& rooms, const CallPtr& call) {
  TRY(rooms.layers.Delete(*call->repository, *call->route.digest));
  return http::Response{.status = 202};
}

}  // namespace entrepot::oci
