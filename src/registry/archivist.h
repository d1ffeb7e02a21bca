#pragma once

// Carries changes of storage class through, behind the answers that began them: files that only archived
// images need go to the archive; layers of images that are being activated are brought back, and then the
// image is active; artifacts follow their subject. What there is to do is found in rows, so that a crash
// forgets nothing; a step that fails is logged and tried again.
//
// RunSlice is called by one background thread; the rest is safe from any.

#include <atomic>
#include <cstdint>
#include <string_view>

#include "events/outbox.h"
#include "metadata/storage_class.h"
#include "metadata/store.h"
#include "registry/blob_mover.h"

namespace entrepot::registry {

/// Written by the archivist's thread, read by any.
struct ArchivistCounters {
  std::atomic<std::uint64_t> failures = 0;  // steps that failed and are tried again
};

class Archivist {
 public:
  Archivist(metadata::Store& store, BlobTiers tiers, keys::KeyRing& keys, const Grace& grace,
            const events::Outbox& outbox)
      : store_(store), mover_(store, tiers, keys, grace), outbox_(outbox) {}

  /// A slice of what is due; true when more may be.
  Result<bool> RunSlice();
  /// A move in progress ends, to be begun anew after the next start.
  void Stop() { mover_.Stop(); }

  const ArchivistCounters& counters() const { return counters_; }
  /// What waits to be carried through, counted up to 1000 of a kind.
  std::uint64_t pending() const { return pending_; }
  const MoveCounters& moves() const { return mover_.counters(); }

 private:
  Result<> LookAtPending();
  Result<bool> CarryChanges();
  Result<bool> ArchiveFiles();
  Result<> ArchiveFile(const metadata::ArchiveCandidate& candidate);
  void Report(std::string_view what, const Error& error);
  Result<> Carry(const metadata::StorageClassChange& change);
  Result<> Activate(metadata::RepositoryRef ref, const Digest& image);
  Result<> ArchiveReferrers(metadata::RepositoryRef ref, const Digest& subject);
  Result<> ActivateReferrers(metadata::RepositoryRef ref, const Digest& subject);
  template <class Step>
  Result<> ForEachReferrer(metadata::RepositoryRef ref, const Digest& subject, Step step);

  metadata::Store& store_;
  BlobMover mover_;
  const events::Outbox& outbox_;
  ArchivistCounters counters_;
  std::atomic<std::uint64_t> pending_ = 0;
};

}  // namespace entrepot::registry
