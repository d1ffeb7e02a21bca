#pragma once

// What is stored, and by whom: content bytes, kept in the transactions that change links, manifests and
// blobs. A blob that one repository links is unique to it, one that several link is shared and counts as such
// in each; the registry counts every blob once.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "metadata/blobs.h"
#include "metadata/repositories.h"

namespace entrepot::metadata {

struct Usage {
  std::int64_t blobs = 0;  // links
  std::int64_t unique_bytes = 0;
  std::int64_t shared_bytes = 0;
  std::int64_t archived_bytes = 0;  // of both: what only archived images need
  std::int64_t manifests = 0;
  std::int64_t manifest_bytes = 0;
  friend bool operator==(const Usage&, const Usage&) = default;
};
struct RegistryUsage {
  std::int64_t blobs = 0;
  std::int64_t bytes = 0;
  std::int64_t archived_bytes = 0;  // of these: in the archive
  friend bool operator==(const RegistryUsage&, const RegistryUsage&) = default;
};

// ---- for the writers of those rows (blobs.cc, images.cc)

/// A link was inserted or has changed, or is about to be deleted or to change.
Result<> LinkAdded(WriteTransaction& transaction, RepositoryRef ref, Bytes file_id);
Result<> LinkGoing(WriteTransaction& transaction, RepositoryRef ref, Bytes file_id);
/// `sign` is 1 or -1.
Result<> ManifestsChanged(WriteTransaction& transaction, RepositoryRef ref, int sign, std::int64_t size);
/// A blob's content bytes, and how many of them are in the archive.
struct BlobSizes {
  std::int64_t bytes = 0;
  std::int64_t archived_bytes = 0;
};
inline BlobSizes SizesOf(std::int64_t size, BlobTier tier) {
  return {size, tier == BlobTier::kArchive ? size : 0};
}
Result<> BlobsChanged(WriteTransaction& transaction, std::int64_t registry, int sign, BlobSizes sizes);
/// The link was marked as archived, or this is over.
Result<> LinkArchived(WriteTransaction& transaction, RepositoryRef ref, const Digest& digest, bool archived);

// ---- what is kept

Result<Usage> FindUsage(sql::Session& session, RepositoryRef ref);
Result<RegistryUsage> FindRegistryUsage(sql::Session& session, std::int64_t registry);
struct NamedUsage {
  RepositoryRef ref;
  RegistryName registry;
  std::string name;
  Usage usage;
};
/// Repositories behind `after`, by registry and id.
Result<std::vector<NamedUsage>> ListUsage(sql::Session& session, RepositoryRef after, int limit);
struct NamedRegistryUsage {
  std::int64_t registry = 0;
  RegistryName name;
  RegistryUsage usage;
};
Result<std::vector<NamedRegistryUsage>> ListRegistryUsage(sql::Session& session);
/// The repositories with the most bytes, largest first. Looks at all of them.
Result<std::vector<NamedUsage>> ListLargest(sql::Session& session, int limit);

/// What would go with the image, and what of it others need too: other images of the repository, or other
/// repositories. Counted now.
struct ImageUsage {
  std::int64_t unique_bytes = 0;
  std::int64_t shared_bytes = 0;
  std::int64_t archived_bytes = 0;  // of both: what only archived images need
};
Result<ImageUsage> CountImageUsage(sql::Session& session, RepositoryRef ref, const Digest& image);
struct NamedImageUsage {
  Digest image;
  ImageUsage usage;
};
/// Of the images behind `after`, by digest.
Result<std::vector<NamedImageUsage>> ListImageUsage(sql::Session& session, RepositoryRef ref,
                                                    const std::optional<Digest>& after, int limit);

// ---- from scratch, for the check of the store

Result<Usage> CountUsage(sql::Session& session, RepositoryRef ref);
Result<RegistryUsage> CountRegistryUsage(sql::Session& session, std::int64_t registry);
Result<> SetUsage(WriteTransaction& transaction, RepositoryRef ref, const Usage& usage);
Result<> SetRegistryUsage(WriteTransaction& transaction, std::int64_t registry, const RegistryUsage& usage);

}  // namespace entrepot::metadata
