#pragma once

// Rows of blob files, of the links that repositories have to them, and of their collection.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "metadata/repositories.h"

namespace entrepot::metadata {

enum class BlobState : std::int8_t { kLive = 1, kDeleting = 2, kDamaged = 3 };
/// Where a blob's file lies. What is archived cannot be read before it was copied back.
enum class BlobTier : std::int8_t { kHot = 1, kArchive = 2 };

struct BlobRow {
  ByteVector file_id;
  std::int64_t domain = 0;
  Digest digest;
  std::int64_t size = 0;
  BlobState state = BlobState::kLive;
  ByteVector layout;
  BlobTier tier = BlobTier::kHot;
  std::int64_t packed_size = 0;  // bytes of the packed form (blobs/packing.h), in the archive

  bool hot() const { return state == BlobState::kLive && tier == BlobTier::kHot; }
  /// What is inside the file: the content, or its packed form.
  std::int64_t stored_size() const { return tier == BlobTier::kArchive ? packed_size : size; }
};

/// The data key of a file, wrapped under a repository's key.
struct WrappedKey {
  std::int64_t repository_key = 0;
  ByteVector bytes;
};

struct LinkRow {
  std::int64_t repository = 0;
  BlobRow blob;
  WrappedKey key;
  std::optional<Timestamp> collect_after;  // store time; nothing while a manifest refers to it
  std::string media_type;
  bool archived = false;  // only archived images need it: nobody may read it or rely on it

  bool readable() const { return blob.hot() && !archived; }
};

// ---- blobs

/// The live file of that content in the tier, if any.
Result<std::optional<BlobRow>> FindLiveBlob(sql::Session& session, std::int64_t registry, std::int64_t domain,
                                            const Digest& digest, BlobTier tier = BlobTier::kHot);
/// `content` is what has no file (blobs/row_content.h). False when another live blob of that content is there
/// already, in the same tier.
Result<bool> InsertBlob(WriteTransaction& transaction, std::int64_t registry, const BlobRow& row,
                        const std::optional<ByteVector>& content = std::nullopt);
/// What InsertBlob was given; nothing when the row is gone or its content is in a file.
Result<std::optional<ByteVector>> FindRowContent(sql::Session& session, std::int64_t registry, Bytes file_id);
Result<> SetBlobState(WriteTransaction& transaction, std::int64_t registry, Bytes file_id, BlobState state);
/// The blob steps aside for another of its content: its links move there, and it is kept until
/// `quarantined_until` (store time).
Result<> MarkDamaged(WriteTransaction& transaction, std::int64_t registry, Bytes file_id,
                     Timestamp quarantined_until);
Result<> DeleteBlob(WriteTransaction& transaction, std::int64_t registry, Bytes file_id);
/// Whether a blob was ever published in the tier and not collected since.
Result<bool> AnyBlobs(sql::Session& session, BlobTier tier);
/// Whether any row of the store names the file.
Result<bool> IsFileKnown(sql::Session& session, Bytes file_id);

// ---- links

/// The link whatever its blob's state; callers read a link to a blob that is not live as missing.
Result<std::optional<LinkRow>> FindLink(sql::Session& session, RepositoryRef ref, const Digest& digest);
/// Whether a manifest may refer to it: linked, and its blob live and at hand, whether or not it is archived.
/// On PostgreSQL the blob's row stays locked against collection until the transaction ends.
Result<bool> IsLayerPresent(WriteTransaction& transaction, RepositoryRef ref, const Digest& digest);
/// A link to the file from a repository that still has a name, to take its data key from.
struct NamedLink {
  LinkRow link;
  std::string repository_name;
};
Result<std::optional<NamedLink>> FindNamedLink(sql::Session& session, std::int64_t registry, Bytes file_id);
/// Repositories other than `ref`'s in which that content can be read, by name, in no order.
Result<std::vector<std::string>> ListHolders(sql::Session& session, RepositoryRef ref, std::int64_t domain,
                                             const Digest& digest, int limit);
/// Links to the file, at most `limit`, for moving them to another file.
Result<std::vector<LinkRow>> ListLinks(sql::Session& session, std::int64_t registry, Bytes file_id,
                                       int limit);
/// Inserts the link, or points an existing one of that digest to this file; an existing one keeps the longer
/// hold, and the file it leaves becomes a candidate for collection. It is not archived afterwards.
Result<> PutLink(WriteTransaction& transaction, RepositoryRef ref, const Digest& digest, Bytes file_id,
                 const WrappedKey& key, std::optional<Timestamp> collect_after);
/// Holds an unreferenced link at least until `until`. False when the link or its live blob is gone.
Result<bool> HoldLink(WriteTransaction& transaction, RepositoryRef ref, const Digest& digest,
                      Timestamp until);
/// A manifest refers to it now: it is neither collected nor archived. Keeps the first media type it is
/// called.
Result<> ReferLink(WriteTransaction& transaction, RepositoryRef ref, const Digest& digest,
                   std::string_view media_type);
/// Nothing refers to it any more: it is held until `until`.
Result<> ReleaseLink(WriteTransaction& transaction, RepositoryRef ref, const Digest& digest, Timestamp until);
/// Marks that only archived images need it, or that this is over. True when that was news.
Result<bool> SetLinkArchived(WriteTransaction& transaction, RepositoryRef ref, const Digest& digest,
                             bool archived);
/// Points an archived link to a file in the archive, or to another one; it stays archived.
Result<> MoveArchivedLink(WriteTransaction& transaction, RepositoryRef ref, const Digest& digest,
                          Bytes file_id, const WrappedKey& key);
/// Removes the link and makes its file a candidate for collection.
Result<> DeleteLink(WriteTransaction& transaction, RepositoryRef ref, const Digest& digest);

// ---- collection (design-storage 1.8)

struct DueLink {
  RepositoryRef ref;
  Digest digest;
};
/// Unreferenced links whose time is over.
Result<std::vector<DueLink>> ListDueLinks(sql::Session& session, Timestamp now, int limit);

struct FileRow {
  std::int64_t registry = 0;
  BlobRow blob;
};
/// Files that lost a link and may have none left.
Result<std::vector<FileRow>> ListCandidates(sql::Session& session, int limit);
Result<> DropCandidate(WriteTransaction& transaction, std::int64_t registry, Bytes file_id);
/// Of a file that has a row and is not on its way out: collection finds its candidates by their rows.
Result<> AddCandidate(WriteTransaction& transaction, std::int64_t registry, Bytes file_id);
/// Whether the link is still there, its time over, and no manifest of the repository names its digest.
Result<bool> IsLinkDue(WriteTransaction& transaction, RepositoryRef ref, const Digest& digest);
/// Whether a link or an upload session still names the file, or it is in quarantine: the evidence that
/// collection goes by. On PostgreSQL the blob's row stays locked against new links until the transaction
/// ends.
Result<bool> IsFileInUse(WriteTransaction& transaction, std::int64_t registry, Bytes file_id);
/// Files marked deleting, whose unlinking was perhaps interrupted.
Result<std::vector<FileRow>> ListDeleting(sql::Session& session, int limit);
/// Damaged files with links that a live file of the same content can take.
Result<std::vector<FileRow>> ListHealable(sql::Session& session, int limit);
/// Damaged files whose quarantine is over.
Result<std::vector<FileRow>> ListQuarantineOver(sql::Session& session, Timestamp now, int limit);

/// Links and files that wait for collection, counted up to `limit`.
Result<std::int64_t> CountDue(sql::Session& session, Timestamp now, int limit);

/// What collection would free if it ran to its end now.
struct Reclaimable {
  std::int64_t links = 0;
  std::int64_t files = 0;
  std::int64_t bytes = 0;  // of content
  std::int64_t uploads = 0;
  std::int64_t repositories = 0;  // deleted ones; what their rows hold is not yet in the other figures
};
Result<Reclaimable> FindReclaimable(sql::Session& session, Timestamp now);

/// Deletes at most `limit` rows of what deleted repositories left; true while there is more. Files of the
/// links that went become candidates.
Result<bool> SweepRemains(WriteTransaction& transaction, int limit);

}  // namespace entrepot::metadata
