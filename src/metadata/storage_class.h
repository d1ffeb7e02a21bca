#pragma once

// Rows of storage classes: the status of images, and what is still to be done for it. What an archived image
// refers to is not needed at hand; the reference rows say so, so that one look at an index tells whether a
// layer is needed.

#include <cstdint>
#include <vector>

#include "metadata/images.h"

namespace entrepot::metadata {

/// Sets the status, the time it tells (ARCHIVED, ACTIVE), and the image's reference rows.
Result<> SetImageStatus(WriteTransaction& transaction, RepositoryRef ref, const Digest& image,
                        ImageStatus status);
/// The second half of that.
Result<> SetReferencesArchived(WriteTransaction& transaction, RepositoryRef ref, const Digest& image,
                               bool archived);
/// Whether a reference row says that its parent is archived.
Result<bool> IsReferenceArchived(sql::Session& session, RepositoryRef ref, const Digest& parent,
                                 const ReferenceRow& reference);
/// Whether a manifest that is not archived names `child` as its config or a layer.
Result<bool> IsLayerNeeded(sql::Session& session, RepositoryRef ref, const Digest& child);
/// Indexes that are not archived and name `child`, at most `limit`.
Result<std::vector<Digest>> IndexesInUseOf(sql::Session& session, RepositoryRef ref, const Digest& child,
                                           int limit);

/// Whether a link to the file is marked archived, or is not.
Result<bool> HasLink(sql::Session& session, std::int64_t registry, Bytes file_id, bool archived);

// ---- what waits to be carried through; times are store times

struct StorageClassChange {
  RepositoryRef ref;
  Digest image;
  std::int64_t attempts = 0;
};
/// Due now, whatever was there before.
Result<> AddStorageClassChange(WriteTransaction& transaction, RepositoryRef ref, const Digest& image);
Result<std::vector<StorageClassChange>> ListStorageClassChanges(sql::Session& session, Timestamp now,
                                                                int limit);
/// An attempt failed.
Result<> PostponeStorageClassChange(WriteTransaction& transaction, const StorageClassChange& change,
                                    Timestamp due);
Result<> ForgetStorageClassChange(WriteTransaction& transaction, RepositoryRef ref, const Digest& image);

struct ArchiveCandidate {
  std::int64_t registry = 0;
  ByteVector file_id;
  Timestamp due;
  std::int64_t attempts = 0;
};
/// Not before `due`, and not before what was said earlier.
Result<> AddArchiveCandidate(WriteTransaction& transaction, std::int64_t registry, Bytes file_id,
                             Timestamp due);
Result<std::vector<ArchiveCandidate>> ListArchiveCandidates(sql::Session& session, Timestamp now, int limit);
Result<> PostponeArchiveCandidate(WriteTransaction& transaction, const ArchiveCandidate& candidate,
                                  Timestamp due);
/// Unless it was added again.
Result<> DropArchiveCandidate(WriteTransaction& transaction, const ArchiveCandidate& candidate);
/// Links to the file that are not marked archived, at most `limit`.
Result<std::vector<std::int64_t>> ListUnarchivedHolders(sql::Session& session, std::int64_t registry,
                                                        Bytes file_id, int limit);

}  // namespace entrepot::metadata
