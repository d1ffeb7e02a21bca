#pragma once

// What a pull needs from memory: repositories by name, tags, manifests, and layers that images refer to. Each entry is
// valid only while its version stripe is unchanged since before it was read, so a moved tag or deleted manifest is seen
// by the very next request (design-storage 3.1). Bounded in bytes. Safe from any thread.

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/crypto.h"
#include "base/digest.h"
#include "blobs/blob_store.h"
#include "http/response.h"
#include "metadata/store.h"
#include "metadata/versioned_cache.h"
#include "registry/repository.h"

namespace entrepot::registry {

/// A manifest as it is served.
struct StoredManifest {
  Digest digest;
  std::string media_type;
  http::SharedText content;
};
using StoredManifestPtr = std::shared_ptr<const StoredManifest>;

/// A layer that can be read now: an open file and its key, or the bytes of a small one.
struct OpenLayer {
  Digest digest;
  std::int64_t size = 0;
  bool referenced = false;
  blobs::OpenBlobPtr blob;
  http::SharedText content;               // of a small layer, whole
  std::chrono::microseconds opened{0};    // Clock::Elapsed; a key in memory is used for at most a minute
};
using OpenLayerPtr = std::shared_ptr<const OpenLayer>;

/// The version-stripe keys of what changes. Writers Touch them, caches check them.
std::uint64_t RepositoryKey(const RegistryName& registry, std::string_view name);
std::uint64_t TagKey(RepositoryId repository, std::string_view tag);
std::uint64_t ManifestKey(RepositoryId repository, const Digest& digest);
std::uint64_t LayerKey(RepositoryId repository, const Digest& digest);

struct Caches {
  explicit Caches(metadata::Store& store, std::size_t bytes = 64u << 20);

  metadata::VersionStripes& versions;
  const Clock& clock;
  metadata::VersionedCache<Repository> repositories;
  metadata::VersionedCache<Digest> tags;
  metadata::VersionedCache<StoredManifest> manifests;
  metadata::VersionedCache<OpenLayer> layers;
};

}  // namespace entrepot::registry
