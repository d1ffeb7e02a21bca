#pragma once

// The answers of a pull, built by one set of functions for the inline path and for the workers, so that both
// send the same bytes. Pure.

#include <optional>
#include <string_view>

#include "base/digest.h"
#include "http/request.h"
#include "http/response.h"
#include "registry/caches.h"
#include "registry/image_reference.h"
#include "registry/layers.h"

namespace entrepot::oci {

/// Cache-Control of content by its digest: it never changes, but who may read it does, so that only the
/// client's own cache may keep it. And of content behind a URL that is itself a credential.
inline constexpr std::string_view kKeepPrivately = "private, max-age=31536000, immutable";
inline constexpr std::string_view kKeepNowhere = "no-store";

/// The last step of every answer, by the door and by the inline path: what each of them carries
/// (design-access 5), and no body for HEAD, only its length.
void Complete(const http::RequestHead& head, http::Response& response);

/// GET and HEAD /v2/.
http::Response VersionAnswer();

/// What the preconditions of a PUT or DELETE demand (RFC 9110 13.1); null when it has none. Not beyond
/// `head`.
registry::ImageCondition ConditionOf(const http::RequestHead& head);

/// GET and HEAD of a manifest, or 304 or 412.
http::Response ManifestAnswer(const http::RequestHead& head, const registry::StoredManifest& manifest);

/// Whether the answer gives the caller a manifest: no HEAD, no 304 and no 412.
bool IsPull(const http::RequestHead& head, const http::Response& manifest_answer);

/// The answer to GET or HEAD of a layer but for its body, and which bytes that is: none for HEAD, 304, 412
/// and an empty layer. kRangeNotSatisfiable.
struct BlobAnswer {
  http::Response response;
  std::optional<registry::ByteRange> body;
};
Result<BlobAnswer> AnswerForBlob(const http::RequestHead& head, const Digest& digest, std::uint64_t size,
                                 std::string_view cache_control = kKeepPrivately);

/// The whole answer to GET of an open layer.
Result<http::Response> LayerAnswer(const http::RequestHead& head, registry::Layers& layers,
                                   const registry::OpenLayerPtr& layer,
                                   std::string_view cache_control = kKeepPrivately);

}  // namespace entrepot::oci
