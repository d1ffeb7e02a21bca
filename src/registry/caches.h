#pragma once

// What a pull needs from memory: repositories by name, tags, manifests, and layers that images refer to. Each
// entry is valid only while its version stripe is unchanged since before it was read, so a moved tag or
// deleted manifest is seen by the very next request (design-storage 3.1). Bounded in bytes. Safe from any
// thread.

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/digest.h"
#include "blobs/reader.h"
#include "http/response.h"
#include "keys/repository_key.h"
#include "metadata/store.h"
#include "metadata/versioned_cache.h"
#include "registry/repository.h"

namespace entrepot::registry {

/// A manifest as it is served.
struct StoredManifest {
  StoredManifest(Digest d, std::string type, http::SharedText text)
      : digest(d), media_type(std::move(type)), content(std::move(text)) {}
  Digest digest;
  std::string media_type;
  http::SharedText content;
};
using StoredManifestPtr = std::shared_ptr<const StoredManifest>;

/// A layer that can be read now: an open file with its key, and the bytes of a small one.
struct OpenLayer {
  OpenLayer(Digest d, keys::RepositoryKey k) : digest(d), key(std::move(k)) {}
  /// False once a key's state has changed, the file was unlinked, or its data key was held for a minute
  /// (design-storage 2.7, 3.6).
  bool usable(std::chrono::microseconds now) const;

  Digest digest;
  std::int64_t size = 0;
  bool referenced = false;
  keys::RepositoryKey key;
  std::shared_ptr<const blobs::File> file;          // null where the row has the content
  std::shared_ptr<const blobs::BlobReader> reader;  // null where content is held
  http::SharedText content;                         // of a small layer, whole
  std::chrono::microseconds opened{0};              // Clock::Elapsed
};
using OpenLayerPtr = std::shared_ptr<const OpenLayer>;

/// The version-stripe keys of what changes. Writers Touch them, caches check them.
std::uint64_t RepositoryKey(const RegistryName& registry, std::string_view name);
std::uint64_t TagKey(RepositoryId repository, std::string_view tag);
std::uint64_t ManifestKey(RepositoryId repository, const Digest& digest);
std::uint64_t LayerKey(RepositoryId repository, const Digest& digest);

/// Put takes the version that the key's stripe had before the value was read.
class Caches {
 public:
  Caches(metadata::Store& store, std::size_t bytes);

  RepositoryPtr FindRepository(const RegistryName& registry, std::string_view name) const;
  void PutRepository(const RepositoryPtr& repository, std::uint64_t version);

  std::shared_ptr<const Digest> FindTag(RepositoryId repository, std::string_view tag) const;
  void PutTag(RepositoryId repository, std::string_view tag, const Digest& digest, std::uint64_t version);

  StoredManifestPtr FindManifest(RepositoryId repository, const Digest& digest) const;
  void PutManifest(RepositoryId repository, const StoredManifestPtr& manifest, std::uint64_t version);

  OpenLayerPtr FindLayer(RepositoryId repository, const Digest& digest) const;
  void PutLayer(RepositoryId repository, const OpenLayerPtr& layer, std::uint64_t version);

  metadata::VersionStripes& versions;
  const Clock& clock;

 private:
  metadata::VersionedCache<Repository> repositories_;
  metadata::VersionedCache<Digest> tags_;
  metadata::VersionedCache<StoredManifest> manifests_;
  metadata::VersionedCache<OpenLayer> layers_;
};

}  // namespace entrepot::registry
