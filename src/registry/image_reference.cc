#include "registry/image_reference.h"

#include "metadata/images.h"

namespace entrepot::registry {

std::unexpected<Error> ImageNotFound(const Repository& repository, const ImageReference& reference) {
  return Fail(About(repository, ErrorCode::kImageNotFound)
                  .With("digest", reference.digest ? reference.digest->ToString() : "null")
                  .With("tag", reference.tag ? reference.tag->str() : "null"));
}

Result<std::optional<Digest>> Resolve(metadata::sql::Session& session, metadata::RepositoryRef ref,
                                      const ImageReference& reference) {
  if (!reference.tag) return reference.digest;
  const std::optional<Digest> tagged = TRY(metadata::FindTag(session, ref, *reference.tag));
  if (reference.digest && tagged != reference.digest) return std::nullopt;
  return tagged;
}

}  // namespace entrepot::registry
