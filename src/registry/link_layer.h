#pragma once

// How a file of content becomes a layer of a repository: one live file per content in a domain, and a link
// with the file's data key wrapped under the repository's own key (design-storage 1.1, 1.7, 2.1).

#include "blobs/blob_store.h"
#include "blobs/writer.h"
#include "keys/key_ring.h"
#include "metadata/blobs.h"
#include "metadata/store.h"
#include "registry/repository.h"

namespace entrepot::registry {

inline blobs::DomainId DomainOf(const Repository& repository) {
  return {static_cast<std::int64_t>(repository.registry_id), repository.domain};
}

/// What the wrap of a stored file's data key is bound to. A view of the row.
keys::BlobWrapContext WrapContextOf(const metadata::BlobRow& row);

/// The data key of a link, by the key of its repository. kKeyFailure.
Result<keys::DataKey> DataKeyOf(metadata::sql::Session& session, keys::KeyRing& keys, std::int64_t registry,
                                const metadata::LinkRow& link, std::string_view repository_name);

/// Whether the row's file is there, at its full length (a row that has the content itself is its own proof).
/// Errors are the disk's, never an absence.
/// `files` are those of the row's tier.
Result<bool> IsFileWhole(blobs::BlobStore& files, const metadata::BlobRow& row);

/// Gives `target` a link to the file of `from`, a link of the repository `source`: unwraps with the source's
/// key and wraps with the target's. The link is held for `hold`, as is one to that file that the target has
/// already.
Result<> ShareLink(metadata::WriteTransaction& transaction, keys::KeyRing& keys,
                   const keys::RepositoryRef& source, const metadata::LinkRow& from, const Repository& target,
                   std::chrono::seconds hold);

/// A file that was just written and synced, or content for a row, that no row names yet.
struct NewFile {
  blobs::FinishedBlob blob;
  keys::DataKey data_key;
};

/// Publishes the file as a layer of the repository, or links the file that has this content already and
/// removes the new one; `also` runs in the same transaction (it ends the upload session). When it fails the
/// file is removed. True when the repository had the layer before.
Result<bool> PublishLayer(metadata::Store& store, blobs::BlobStore& files, keys::KeyRing& keys,
                          const Repository& repository, const NewFile& file, std::chrono::seconds hold,
                          const std::function<Result<>(metadata::WriteTransaction&)>& also);

/// Moves one link of a set-aside (damaged) file to the live file of the same content. False when there is
/// none.
Result<bool> MoveLink(metadata::WriteTransaction& transaction, keys::KeyRing& keys, std::int64_t registry,
                      const metadata::LinkRow& link);

}  // namespace entrepot::registry
