#pragma once

// How a caller says which image is meant, and what answers when it is not there.

#include <functional>
#include <optional>

#include "base/digest.h"
#include "base/names.h"
#include "registry/refs.h"

namespace entrepot::registry {

/// Which image: by digest, by tag, or by both (then both must mean the same image).
struct ImageReference {
  std::optional<Digest> digest;
  std::optional<ImageTag> tag;
};

/// What a change demands of the image that it would meet, by its digest; nothing = there is none. Null = the
/// change demands nothing. Asked inside the transaction of the change.
using ImageCondition = std::function<bool(const std::optional<Digest>& present)>;

std::unexpected<Error> ImageNotFound(const Repository& repository, const ImageReference& reference);

/// The digest that is meant, whether or not there is such an image; nothing when the tag is not there, or on
/// another image than the digest says.
Result<std::optional<Digest>> Resolve(metadata::sql::Session& session, metadata::RepositoryRef ref,
                                      const ImageReference& reference);

}  // namespace entrepot::registry
