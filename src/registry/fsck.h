#pragma once

// The check of the store: every invariant between its rows, and between rows and files. Runs beside
// everything else, piece by piece; where it stands is a row, so that an interrupted check goes on. It never
// deletes a blob or a file: a damaged blob is set aside, reads as absent from then on, and the next push of
// its content heals it (design-storage 1.1, 1.11).
//
// One piece at a time; any thread.

#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "keys/key_ring.h"
#include "metadata/store_walk.h"
#include "registry/blob_tiers.h"
#include "registry/grace.h"

namespace entrepot::registry {

struct FsckOptions {
  bool repair = false;
  bool read_blobs = false;  // every byte of them, for their digest
  bool restart = false;     // forget where an interrupted check stands
};

struct FsckFinding {
  std::string_view code;  // a literal
  std::string subject;    // what it is about, as a person names it
  std::string detail;
  bool repaired = false;
};

struct FsckStep {
  bool done = false;
  std::string_view stage;
  std::int64_t checked = 0, findings_total = 0, repaired = 0;  // since the check began
  std::vector<FsckFinding> findings;                           // of this piece
};

/// What the checks work with, and where they put what they find.
struct FsckWork {
  metadata::Store& store;
  BlobTiers tiers;
  keys::KeyRing& keys;
  const Grace& grace;
  FsckOptions options;
  metadata::WalkPosition position;
  std::vector<FsckFinding> findings;
};

class Fsck {
 public:
  Fsck(metadata::Store& store, BlobTiers tiers, keys::KeyRing& keys, const Grace& grace)
      : store_(store), tiers_(tiers), keys_(keys), grace_(grace) {}

  /// The next piece. A check that was begun with other options begins anew. Errors are the environment's (the
  /// disk that is not mounted); what is wrong with the store is a finding.
  Result<FsckStep> Step(FsckOptions options);

 private:
  Result<metadata::StoreCheck> Begin(FsckOptions options);

  metadata::Store& store_;
  const BlobTiers tiers_;
  keys::KeyRing& keys_;
  const Grace& grace_;
  std::mutex running_;
};

// ---- the stages: each looks at the rows behind work.position, at most a page, and returns how many there
// were

/// Files of earlier boots that no row names: the sweep of orphans takes them.
Result<std::size_t> CheckFiles(FsckWork& work);
/// The same for those of the archive.
Result<std::size_t> CheckArchive(FsckWork& work);
/// Reference rows of manifests that are not there.
Result<std::size_t> CheckParents(FsckWork& work);
/// Manifests: their bytes, their reference rows, what they need.
Result<std::size_t> CheckImages(FsckWork& work);
Result<std::size_t> CheckTags(FsckWork& work);
/// Blobs: their files, or the content in the row.
Result<std::size_t> CheckBlobs(FsckWork& work);
/// Links: their blob, their hold, their wrap.
Result<std::size_t> CheckLinks(FsckWork& work);

/// The figures that are kept of repositories, and of registries, against what is there.
Result<std::size_t> CheckUsage(FsckWork& work);
Result<std::size_t> CheckTotals(FsckWork& work);

/// "repository 7 team/app" and the like are too long for a finding: a repository's name, or its number when
/// it has none.
std::string NameOf(metadata::sql::Session& session, metadata::RepositoryRef ref);

}  // namespace entrepot::registry
