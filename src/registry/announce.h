#pragma once

// What a repository tells the world of its images, in the transaction in which it happens
// (ecr-semantics 6.4). Without receivers these cost nothing.

#include <string>
#include <vector>

#include "events/outbox.h"
#include "metadata/images.h"

namespace entrepot::registry {

/// One event for each tag that was put on the image, or one without a tag when there is none.
Result<> AnnouncePush(metadata::WriteTransaction& transaction, const events::Outbox& outbox,
                      metadata::RepositoryRef ref, const metadata::ManifestRow& image,
                      const std::vector<std::string>& tags);
/// One event for each tag that went, or one without a tag.
Result<> AnnounceDelete(metadata::WriteTransaction& transaction, const events::Outbox& outbox,
                        metadata::RepositoryRef ref, const metadata::ManifestRow& image,
                        const std::vector<std::string>& tags);
/// `target` is ARCHIVE or STANDARD; an image whose class changes to STANDARD says when it was activated.
Result<> AnnounceStorageClass(metadata::WriteTransaction& transaction, const events::Outbox& outbox,
                              metadata::RepositoryRef ref, const metadata::ManifestRow& image,
                              std::string_view target, std::optional<Timestamp> last_activated_at);

/// `tag` is what it was pulled by; "" = its digest. ECR has no such event.
Result<> AnnouncePull(metadata::WriteTransaction& transaction, const events::Outbox& outbox,
                      metadata::RepositoryRef ref, const metadata::ManifestRow& image, std::string_view tag,
                      Timestamp time);

}  // namespace entrepot::registry
