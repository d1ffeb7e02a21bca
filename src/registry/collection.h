#pragma once

// Collection: links whose hold is over, files that nothing links, artifacts whose subject is gone, what
// deleted repositories left, uploads whose time is over, and files that no row names
// (design-storage 1.8, 1.9, 1.12). Always on, in slices between other writes; its cost follows what changed.
// It stops no push and has no phase of its own.
//
// Safe from any thread: one slice runs at a time.

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>

#include "events/outbox.h"
#include "keys/key_ring.h"
#include "metadata/blobs.h"
#include "metadata/images.h"
#include "metadata/store.h"
#include "registry/blob_tiers.h"
#include "registry/grace.h"

namespace entrepot::registry {

/// Written by the collecting thread, read by any.
struct CollectionCounters {
  std::atomic<std::uint64_t> links = 0;      // links removed
  std::atomic<std::uint64_t> blobs = 0;      // blobs removed
  std::atomic<std::uint64_t> bytes = 0;      // of content that went with them
  std::atomic<std::uint64_t> artifacts = 0;  // artifacts whose subject was gone
  std::atomic<std::uint64_t> orphans = 0;    // files that no row named
  std::atomic<std::uint64_t> uploads = 0;    // files of uploads whose time was over
  std::atomic<std::uint64_t> failures = 0;   // steps that failed and are repeated
  std::atomic<std::int64_t> last_run = 0;    // when a run last found nothing more: Clock::Now, microseconds
};

class Collection {
 public:
  Collection(metadata::Store& store, BlobTiers tiers, keys::KeyRing& keys, const Grace& grace,
             const events::Outbox& outbox)
      : store_(store), tiers_(tiers), keys_(keys), grace_(grace), outbox_(outbox) {}

  /// A slice of everything there is to do; true when more waits. Does nothing while paused, nor while the
  /// store's time is suspect (design-storage 1.13). A step that fails is logged and repeated by the next
  /// slice; it keeps no other from being done, and the first of their errors is returned.
  Result<bool> RunSlice();
  /// The next directory of files from earlier boots; false when all have been seen.
  Result<bool> SweepOrphans();

  /// What a run to the end would free now.
  Result<metadata::Reclaimable> Preview();

  /// Nothing is removed until Resume, or the end of the process.
  void Pause() { paused_ = true; }
  void Resume() { paused_ = false; }
  bool paused() const { return paused_; }
  /// Links and files that wait for collection, as of the last slice.
  std::uint64_t due() const { return due_; }

  const CollectionCounters& counters() const { return counters_; }

 private:
  Result<bool> RemoveDueLinks();
  Result<bool> RemoveArtifacts();
  Result<> RemoveArtifactsOf(const metadata::EndedSubject& ended);
  Result<bool> SweepDeletedRepositories();
  Result<bool> ExpireUploads();
  Result<bool> MoveLinksOfDamaged();
  Result<bool> EndQuarantine();
  Result<bool> MarkUnused();
  Result<bool> RemoveMarked();
  Result<std::vector<metadata::FileRow>> Unlink(const std::vector<metadata::FileRow>& marked);
  Result<> LookAtDue();

  metadata::Store& store_;
  const BlobTiers tiers_;
  keys::KeyRing& keys_;
  const Grace& grace_;
  const events::Outbox& outbox_;
  std::mutex running_;
  std::atomic<bool> paused_ = false;
  std::atomic<std::uint64_t> due_ = 0;
  CollectionCounters counters_;
  Result<bool> RemoveOrphans(blobs::BlobStore& store, blobs::BlobStore::Listing& listing);

  struct OrphanListings {
    blobs::BlobStore::Listing hot, archive;
  };
  std::optional<OrphanListings> orphans_;
};

}  // namespace entrepot::registry
