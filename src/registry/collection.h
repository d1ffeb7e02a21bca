#pragma once

// Collection: links whose hold is over, files that nothing links, what deleted repositories left, uploads
// whose time is over, and files that no row names (design-storage 1.8, 1.9, 1.12). Always on, in slices
// between other writes; its cost follows what changed. It stops no push and has no phase of its own.
//
// Called by one background thread.

#include <atomic>
#include <cstdint>
#include <optional>

#include "blobs/blob_store.h"
#include "keys/key_ring.h"
#include "metadata/store.h"

namespace entrepot::registry {

/// Written by the collecting thread, read by any.
struct CollectionCounters {
  std::atomic<std::uint64_t> links = 0;    // links removed
  std::atomic<std::uint64_t> blobs = 0;    // files collected
  std::atomic<std::uint64_t> orphans = 0;  // files that no row named
  std::atomic<std::uint64_t> uploads = 0;  // files of uploads whose time was over
};

class Collection {
 public:
  Collection(metadata::Store& store, blobs::BlobStore& files, keys::KeyRing& keys)
      : store_(store), files_(files), keys_(keys) {}

  /// A slice of everything there is to do; true when more waits. Does nothing while the store's time is
  /// suspect (design-storage 1.13).
  Result<bool> RunSlice();
  /// The next directory of files from earlier boots; false when all have been seen.
  Result<bool> SweepOrphans();

  const CollectionCounters& counters() const { return counters_; }

 private:
  Result<bool> RemoveDueLinks();
  Result<bool> SweepDeletedRepositories();
  Result<bool> ExpireUploads();
  Result<bool> MoveLinksOfDamaged();
  Result<bool> MarkUnused();
  Result<bool> RemoveMarked();

  metadata::Store& store_;
  blobs::BlobStore& files_;
  keys::KeyRing& keys_;
  CollectionCounters counters_;
  std::optional<blobs::BlobStore::Listing> orphans_;
};

}  // namespace entrepot::registry
