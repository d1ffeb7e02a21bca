#pragma once

// What tests of the domain share: a whole registry below the doors on a directory of its own, and short ways
// to push.

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include "blobs/file_layer.h"
#include "http/response.h"
#include "keys/root_key.h"
#include "metadata/blobs.h"
#include "metadata/sql/test_database.h"
#include "registry/archivist.h"
#include "registry/collection.h"
#include "registry/fsck.h"
#include "registry/images.h"
#include "registry/layers.h"
#include "registry/repositories.h"
#include "registry/storage_class.h"
#include "registry/uploads.h"

namespace entrepot::registry {

template <class T>
T Must(Result<T> result) {
  if (!result) {
    ADD_FAILURE() << result.error().ToString();
    std::abort();
  }
  if constexpr (!std::is_void_v<T>) return *std::move(result);
}

inline RegistryName TestRegistryName() {
  return {AccountId::Trusted("123456789012"), Region::Trusted("us-west-2")};
}

/// A request's body that owns its bytes.
inline http::Block BlockOf(std::string_view content) {
  const auto owner = std::make_shared<const std::string>(content);
  return {owner, AsBytes(*owner)};
}

/// Bytes of which no run repeats.
inline std::string Content(std::size_t size, int seed = 1) {
  std::string content(size, '\0');
  std::uint64_t state = 0x9e3779b97f4a7c15ull * static_cast<unsigned>(seed);
  for (char& c : content)
    c = static_cast<char>((state = state * 6364136223846793005ull + 1442695040888963407ull) >> 56);
  return content;
}

/// Turns one bit of a file's byte.
inline void Spoil(const std::filesystem::path& path, std::streamoff offset) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(offset);
  const int byte = file.get();
  file.seekp(offset);
  file.put(static_cast<char>(byte ^ 1));
}

/// Built on a directory as a process is at its start; built again on the same one, it has restarted.
struct TestRegistry {
  struct Options {
    blobs::Files* files = nullptr;  // null = the real ones
    std::string vfs;
    keys::FileEncryption encryption = keys::FileEncryption::kServiceKey;
    std::string database;  // "" = SQLite in the directory
    std::vector<metadata::EventReceiver> receivers;
  };

  TestRegistry(const metadata::sql::TestDirectory& directory, ManualClock& test_clock, Options options)
      : clock(test_clock), files(options.files ? *options.files : posix), outbox(options.receivers) {
    store = Must(metadata::OpenStore(
        {.url = options.database.empty() ? "sqlite:" + directory.File("db") : options.database,
         .clock = &clock,
         .on_broken = [] {},
         .sqlite_vfs = options.vfs}));
    const bool in_use = !Must(keys::RootKeysInUse(*store)).empty();
    root_key =
        Must(keys::RootKey::Load(files, directory.File("keys"),
                                 in_use ? keys::RootKeyPolicy::kMustExist : keys::RootKeyPolicy::kMayCreate));
    blob_store = Must(blobs::BlobStore::Open(files, directory.File("blobs"), store->store_id(),
                                             store->boot_epoch(), blobs::RootPolicy::kMayCreate));
    archive_store = Must(blobs::BlobStore::Open(files, directory.File("archive"), store->store_id(),
                                                store->boot_epoch(), blobs::RootPolicy::kMayCreate));
    keys = std::make_unique<keys::KeyRing>(*root_key, *store, options.encryption);
    caches = std::make_unique<Caches>(*store, 16 << 20);
    repositories = std::make_unique<Repositories>(*store, *keys, *caches);
    images = std::make_unique<Images>(*store, *caches, grace, outbox);
    storage_classes = std::make_unique<StorageClasses>(*store, outbox);
    layers = std::make_unique<Layers>(*store, *blob_store, *keys, *caches, grace);
    uploads =
        std::make_unique<Uploads>(*store, *blob_store, *keys, grace, workers, body_pool, UploadSettings{});
    collection = std::make_unique<Collection>(*store, tiers(), *keys, grace, outbox);
    fsck = std::make_unique<Fsck>(*store, tiers(), *keys, grace);
    archivist = std::make_unique<Archivist>(*store, tiers(), *keys, grace, outbox);
  }
  TestRegistry(const metadata::sql::TestDirectory& directory, ManualClock& test_clock)
      : TestRegistry(directory, test_clock, Options{}) {}

  BlobTiers tiers() const { return {*blob_store, *archive_store}; }

  RepositoryPtr Create(const std::string& name) {
    return Must(repositories->Create(TestRegistryName(), {.name = RepositoryName::Trusted(name)}));
  }
  RepositoryPtr Find(const std::string& name) {
    return Must(repositories->Find(TestRegistryName(), RepositoryName::Trusted(name)));
  }
  Result<UploadedLayer> Push(const Repository& repository, std::string_view content) {
    return uploads->PutWhole(repository, "AIDATEST", DigestOf(content), BlockOf(content));
  }
  /// A chunk of a known length, in blocks, as a connection sends it.
  Result<Uploads::ChunkResult> StreamChunk(const Repository& repository, const UploadTicket& ticket,
                                           const Uploads::Chunk& chunk, std::string_view bytes) {
    std::optional<Result<Uploads::ChunkResult>> result;
    const Uploads::Answer answer{.make =
                                     [&](Result<Uploads::ChunkResult> made) {
                                       result.emplace(std::move(made));
                                       return http::Response{};
                                     },
                                 .try_make =
                                     [&](const Uploads::ChunkResult& made, http::Response&) {
                                       result.emplace(made);
                                       return true;
                                     }};
    std::unique_ptr<http::BodySink> sink;
    if (!chunk.closing_digest)
      sink = uploads->TryAppendStream(repository, ticket, chunk, bytes.size(), answer);
    if (!sink) sink = TRY(uploads->AppendStream(repository, ticket, chunk, bytes.size(), answer));
    for (; !bytes.empty() && !sink->failed();
         bytes.remove_prefix(std::min(bytes.size(), http::Block::kCapacity)))
      sink->Append(BlockOf(bytes.substr(0, http::Block::kCapacity)));
    http::Response response;
    if (!sink->TryFinish(response)) sink->Finish();
    return *std::move(result);
  }
  Result<std::string> Pull(const Repository& repository, const Digest& digest) {
    const OpenLayerPtr layer = TRY(layers->Open(repository, digest));
    if (layer->content) return *layer->content;
    std::string content(static_cast<std::size_t>(layer->size), '\0');
    const MutableBytes out{reinterpret_cast<std::uint8_t*>(content.data()), content.size()};
    http::Body body = layers->Body(layer, {0, content.size()});
    if (auto* source = std::get_if<std::unique_ptr<http::BodySource>>(&body))
      TRY((*source)->Read(out));
    else
      TRY(layer->reader->Read(0, out));
    return content;
  }
  void CollectAll() {
    while (Must(collection->RunSlice())) {
    }
  }

  void RunArchivist() {
    while (Must(archivist->RunSlice())) {
    }
  }

  static Digest DigestOf(std::string_view content) {
    return Digest::Of(HashAlgorithm::kSha256, AsBytes(content));
  }
  /// An OCI image manifest of these contents.
  static std::string ManifestOf(std::string_view config, const std::vector<std::string>& layer_contents) {
    const auto descriptor = [](std::string_view type, std::string_view content) {
      return R"({"mediaType":"application/vnd.oci.image.)" + std::string(type) + R"(","digest":")" +
             DigestOf(content).ToString() + R"(","size":)" + std::to_string(content.size()) + "}";
    };
    std::string list;
    for (const std::string& layer : layer_contents)
      list += (list.empty() ? "" : ",") + descriptor("layer.v1.tar", layer);
    return R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":)" +
           descriptor("config.v1+json", config) + R"(,"layers":[)" + list + "]}";
  }
  /// The same with one layer, that its urls lead to.
  static std::string ManifestOfElsewhere(std::string_view config, const std::string& layer) {
    std::string manifest = ManifestOf(config, {layer});
    const std::string type = "layer.v1.tar\"";
    return manifest.replace(manifest.find(type), type.size(),
                            R"(layer.nondistributable.v1.tar","urls":["https://example.org/layer"])");
  }
  static std::string IndexOf(const std::vector<std::string>& manifests) {
    std::string list;
    for (const std::string& manifest : manifests)
      list += (list.empty() ? "" : ",") +
              (R"({"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":")" +
               DigestOf(manifest).ToString() + R"(","size":)" + std::to_string(manifest.size()) + "}");
    return R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[)" +
           list + "]}";
  }
  Result<PutImageResult> Put(const Repository& repository, const std::string& manifest,
                             const std::string& tag = "") {
    NewImage image{.content = manifest};
    if (!tag.empty()) image.tags = {ImageTag::Trusted(tag)};
    return images->Put(repository, std::move(image));
  }
  /// Pushes config, layers and manifest, as a client does.
  Result<PutImageResult> PushImage(const Repository& repository, const std::string& config,
                                   const std::vector<std::string>& layer_contents, const std::string& tag) {
    TRY(Push(repository, config));
    for (const std::string& layer : layer_contents) TRY(Push(repository, layer));
    return Put(repository, ManifestOf(config, layer_contents), tag);
  }

  ManualClock& clock;
  blobs::PosixFiles posix;
  blobs::Files& files;
  std::unique_ptr<metadata::Store> store;
  std::optional<keys::RootKey> root_key;
  std::unique_ptr<blobs::BlobStore> blob_store;
  std::unique_ptr<blobs::BlobStore> archive_store;
  std::unique_ptr<keys::KeyRing> keys;
  std::unique_ptr<Caches> caches;
  Grace grace;
  const events::Outbox outbox;
  ThreadPool workers{"worker", 2, 100}, body_pool{"body", 2, 100};
  std::unique_ptr<Repositories> repositories;
  std::unique_ptr<Images> images;
  std::unique_ptr<StorageClasses> storage_classes;
  std::unique_ptr<Layers> layers;
  std::unique_ptr<Uploads> uploads;
  std::unique_ptr<Collection> collection;
  std::unique_ptr<Fsck> fsck;
  std::unique_ptr<Archivist> archivist;
};

/// A registry on the real files.
class RegistryTest : public testing::Test {
 protected:
  void Restart(TestRegistry::Options options = {}) {
    registry.reset();
    registry = std::make_unique<TestRegistry>(directory, clock, options);
  }
  ErrorCode CodeOf(const auto& result) { return result ? ErrorCode::kInternal : result.error().code(); }
  int FilesOnDisk(const std::string& tier = "blobs") const {
    int count = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory.File(tier)))
      count += entry.is_regular_file() && entry.path().filename() != "root-id";
    return count;
  }

  metadata::sql::TestDirectory directory;
  ManualClock clock;
  std::unique_ptr<TestRegistry> registry = std::make_unique<TestRegistry>(directory, clock);
};

}  // namespace entrepot::registry
