#pragma once

// Layers: the blobs a repository has a link to. A digest without a link does not exist in the repository
// (design-storage 1.7). Safe from any thread; calls block on the store and on files except the Try forms.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "blobs/blob_store.h"
#include "http/response.h"
#include "keys/key_ring.h"
#include "metadata/blobs.h"
#include "metadata/store.h"
#include "registry/caches.h"
#include "registry/grace.h"
#include "registry/recent_deletions.h"
#include "registry/repository.h"

namespace entrepot::registry {

struct LayerInfo {
  Digest digest;
  std::int64_t size = 0;
  std::string media_type;   // as a manifest calls it; "" when none refers to it yet
  bool referenced = false;  // by an image of this repository
};

/// A run of a layer's bytes.
struct ByteRange {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

class Layers {
 public:
  Layers(metadata::Store& store, blobs::BlobStore& files, keys::KeyRing& keys, Caches& caches,
         const Grace& grace)
      : store_(store), files_(files), keys_(keys), caches_(caches), grace_(grace) {}

  /// Whether the repository has the layer, for someone who may rely on the answer: an unreferenced one is
  /// held for at least another 24 h of store time before this answers (design-storage 1.7), and its file is
  /// there (3.6). kLayerNotFound; kLayerArchived.
  Result<LayerInfo> Claim(const Repository& repository, const Digest& digest);

  /// The layer, open for reading. kLayerNotFound; kLayerArchived; kKeyFailure; kDamaged, once: what fails its
  /// check, here or while its body is read, is set aside and not there from then on, so that clients push it
  /// again.
  Result<OpenLayerPtr> Open(const Repository& repository, const Digest& digest);
  /// From memory, or nullptr. For event loops.
  OpenLayerPtr TryOpen(const Repository& repository, std::string_view digest);

  /// The body of a range of an open layer: memory for small ones, a file range when it is not encrypted, else
  /// a source that decrypts as it is read; it does not outlive this.
  http::Body Body(const OpenLayerPtr& layer, ByteRange range);

  /// Links a layer of `source` into `target`, for a caller who may read it there. False when the source has
  /// no such layer or shares no domain with the target: the door then opens an upload.
  Result<bool> Mount(const Repository& source, const Repository& target, const Digest& digest);

  /// Repositories that `target` could have the layer from by Mount, at most `limit`, in no order.
  Result<std::vector<RepositoryName>> SourcesOf(const Repository& target, const Digest& digest, int limit);

  /// Removes the repository's link at once. kLayerNotFound; kLayerReferenced when an image of this repository
  /// refers to it.
  Result<> Delete(const Repository& repository, const Digest& digest);
  /// Whether Delete took it within the hour, in this process.
  bool WasDeleted(const Repository& repository, const Digest& digest) const;

 private:
  /// The link to a readable blob, and the content if that is in the row. kLayerNotFound; kLayerArchived.
  struct Stored {
    metadata::LinkRow link;
    std::optional<ByteVector> content;
  };
  Result<Stored> Find(const Repository& repository, const Digest& digest);
  /// False when the file is absent.
  Result<bool> OpenFile(const blobs::BlobIdentity& identity, Bytes layout, OpenLayer& layer);
  /// Nothing when the row's file is absent.
  Result<std::optional<OpenLayerPtr>> OpenOnce(const Repository& repository, const Digest& digest);
  Result<std::optional<OpenLayerPtr>> OpenStored(const Repository& repository, const Stored& stored);
  /// The link to a readable blob whose file is there at its full length. A blob whose file is not is set
  /// aside. kLayerNotFound; kLayerArchived.
  Result<metadata::LinkRow> FindWhole(const Repository& repository, const Digest& digest);
  /// Sets the blob aside when the error says that it is damaged.
  void HeedDamage(const Error& error, std::int64_t registry, Bytes file_id);
  class CheckedSource;

  metadata::Store& store_;
  blobs::BlobStore& files_;
  keys::KeyRing& keys_;
  Caches& caches_;
  const Grace& grace_;
  RecentDeletions deletions_;
};

}  // namespace entrepot::registry
