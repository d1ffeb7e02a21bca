#pragma once

// Moves blobs between the tiers (design-storage 1.15). A move is a copy with a file id, a key and segments of
// its own: written and synced, read back and its digest compared, then published by the transaction that
// points links to it. What the links left is collection's, as anything without a link. A crash before that
// transaction leaves a file without a row, which the sweep of orphans takes; an error removes it at once.
//
// One thread at a time, but for Stop.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "blobs/reader.h"
#include "keys/key_ring.h"
#include "metadata/blobs.h"
#include "metadata/store.h"
#include "registry/blob_tiers.h"
#include "registry/grace.h"
#include "registry/link_layer.h"

namespace entrepot::registry {

/// Written by the mover's thread, read by any.
struct MoveCounters {
  std::atomic<std::uint64_t> archived = 0;        // files that went to the archive
  std::atomic<std::uint64_t> archived_bytes = 0;  // of content
  std::atomic<std::uint64_t> packed_bytes = 0;    // what they take there
  std::atomic<std::uint64_t> returned = 0;        // files that came back
  std::atomic<std::uint64_t> returned_bytes = 0;
};

class BlobMover {
 public:
  BlobMover(metadata::Store& store, BlobTiers tiers, keys::KeyRing& keys, const Grace& grace)
      : store_(store), tiers_(tiers), keys_(keys), grace_(grace) {}

  /// Takes every archived link of a hot file to a copy in the archive, when no other link needs the file. An
  /// error leaves everything as it was, or with some of the links moved.
  Result<> Archive(std::int64_t registry, Bytes file_id);
  /// Makes the repository's layer readable: its link points to a hot file and is not archived afterwards.
  Result<> BringBack(metadata::RepositoryRef ref, const Digest& layer);

  /// A move in progress ends with kUnavailable, and so does every later one.
  void Stop() { stopping_ = true; }
  bool stopping() const { return stopping_; }

  const MoveCounters& counters() const { return counters_; }

 private:
  struct Departure;
  Result<std::optional<Departure>> PlanDeparture(std::int64_t registry, Bytes file_id);
  Result<NewFile> CopyToArchive(const Departure& departure);
  Result<bool> MoveLinks(const Departure& departure, const std::optional<NewFile>& copy);
  Result<std::int64_t> MoveLinksIn(metadata::WriteTransaction& transaction, const Departure& departure,
                                   const std::optional<NewFile>& copy);
  struct Target {
    metadata::BlobRow row;
    keys::DataKey data_key;
  };
  Result<std::optional<Target>> TargetOf(metadata::WriteTransaction& transaction, const Departure& departure,
                                         const std::optional<NewFile>& copy);

  struct Return;
  Result<Return> PlanReturn(metadata::RepositoryRef ref, const Digest& layer);
  Result<NewFile> CopyToHot(const Return& plan);
  Result<bool> LinkHot(metadata::RepositoryRef ref, const Digest& layer);

  Result<std::shared_ptr<const blobs::BlobReader>> Open(std::int64_t registry, const metadata::BlobRow& row,
                                                        const keys::DataKey& data_key);
  using DigestOf = std::function<Result<Digest>(const blobs::BlobReader&)>;
  Result<> CheckCopy(blobs::BlobStore& files, const blobs::FinishedBlob& copy, blobs::BlobIdentity identity,
                     const DigestOf& digest_of, const Digest& expected);
  Result<> RequireGoingOn() const;

  metadata::Store& store_;
  const BlobTiers tiers_;
  keys::KeyRing& keys_;
  const Grace& grace_;
  std::atomic<bool> stopping_ = false;
  MoveCounters counters_;
};

}  // namespace entrepot::registry
