#pragma once

// What keeps the blobs, with or without a server: their files, the keys, and what tends them.

#include <atomic>
#include <memory>
#include <mutex>
#include <vector>

#include "blobs/blob_store.h"
#include "events/outbox.h"
#include "keys/key_ring.h"
#include "metadata/store.h"
#include "metadata/usage.h"
#include "registry/archivist.h"
#include "registry/collection.h"
#include "registry/fsck.h"
#include "registry/grace.h"
#include "server/config.h"
#include "server/data_directory.h"
#include "server/disk_reserve.h"

namespace entrepot::server {

class Storage {
 public:
  /// `store` and `files` outlive it. kConfiguration when the blob directory or the archive is
  /// not this store's.
  static Result<std::unique_ptr<Storage>> Open(const Config& config, const DataLayout& layout,
                                               blobs::Files& files, metadata::Store& store,
                                               SealingKeys root_keys);

  metadata::Store& store;
  const std::unique_ptr<blobs::BlobStore> blobs, archive;
  keys::KeyRing keys;
  registry::Grace grace;
  const events::Outbox outbox;
  registry::Collection collection;
  registry::Fsck fsck;
  registry::Archivist archivist;

  /// Looks at the disk's free space: below the watermark grace shrinks (design-storage 1.7), and on a full
  /// disk no layers are taken in.
  void WatchDisk();
  /// Looks at who has the most bytes.
  Result<> WatchUsage();
  /// As WatchUsage last saw it: every registry, and the largest repositories of all, as many as /metrics
  /// tells apart.
  struct UsageView {
    std::vector<metadata::NamedRegistryUsage> registries;
    std::vector<metadata::NamedUsage> largest;
  };
  UsageView usage() const;
  bool disk_full() const { return reserve_.given_up(); }
  /// As WatchDisk last saw it.
  blobs::DiskSpace space() const { return {total_, available_}; }

 private:
  Storage(const Config& config, const DataLayout& layout, metadata::Store& opened,
          std::unique_ptr<blobs::BlobStore> blob_store, std::unique_ptr<blobs::BlobStore> archive_store,
          SealingKeys root_keys);

  void RefuseNewOnFullDisk();

  const std::uint64_t free_watermark_;  // percent
  const int largest_;
  DiskReserve reserve_;
  std::atomic<std::uint64_t> total_ = 0, available_ = 0;
  mutable std::mutex usage_mutex_;
  UsageView usage_;
};

}  // namespace entrepot::server
