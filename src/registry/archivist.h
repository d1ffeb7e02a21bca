#pragma once

// Carries changes of storage class through, behind the answers that began them: layers of images that are
// being activated are brought back, then the image is active; artifacts follow their subject. Each step is a
// transaction of its own, found again from rows after a crash; one that fails is logged and tried again.
//
// RunSlice is called by one background thread; the rest is safe from any.

#include <atomic>
#include <cstdint>

#include "events/outbox.h"
#include "metadata/storage_class.h"
#include "metadata/store.h"

namespace entrepot::registry {

/// Written by the archivist's thread, read by any.
struct ArchivistCounters {
  std::atomic<std::uint64_t> failures = 0;  // steps that failed and are tried again
};

class Archivist {
 public:
  Archivist(metadata::Store& store, const events::Outbox& outbox) : store_(store), outbox_(outbox) {}

  /// A slice of what is due; true when more may be.
  Result<bool> RunSlice();

  const ArchivistCounters& counters() const { return counters_; }

 private:
  Result<> Carry(const metadata::StorageClassChange& change);
  Result<> Activate(metadata::RepositoryRef ref, const Digest& image);
  Result<> BringBack(metadata::RepositoryRef ref, const Digest& layer);
  Result<> ArchiveReferrers(metadata::RepositoryRef ref, const Digest& subject);
  Result<> ActivateReferrers(metadata::RepositoryRef ref, const Digest& subject);
  template <class Step>
  Result<> ForEachReferrer(metadata::RepositoryRef ref, const Digest& subject, Step step);

  metadata::Store& store_;
  const events::Outbox& outbox_;
  ArchivistCounters counters_;
};

}  // namespace entrepot::registry
