#include "registry/layers.h"

#include "base/encoding.h"
#include "base/log.h"
#include "blobs/row_content.h"
#include "metadata/blobs.h"
#include "metadata/images.h"
#include "registry/link_layer.h"
#include "registry/refs.h"
#include "registry/set_aside.h"

namespace entrepot::registry {
namespace {

// Layers of at most this length are kept whole in memory.
constexpr std::int64_t kSmallLayer = 64 * 1024;

// A file that is gone was perhaps replaced since its row was read: one fresh look before it counts as missing
// (design-storage 1.8).
constexpr int kLooks = 2;

Error LayerNotFound(const Repository& repository, const Digest& digest) {
  return About(repository, ErrorCode::kLayerNotFound).With("digest", digest.ToString());
}

// A layer that was archived and that no image names any more is on its way out.
Error OutOfReach(const Repository& repository, const Digest& digest,
                 const std::optional<metadata::LinkRow>& link) {
  if (link && link->archived && !link->collect_after)
    return About(repository, ErrorCode::kLayerArchived).With("digest", digest.ToString());
  return LayerNotFound(repository, digest);
}

bool IsReadable(const std::optional<metadata::LinkRow>& link) { return link && link->readable(); }

}  // namespace

Result<LayerInfo> Layers::Claim(const Repository& repository, const Digest& digest) {
  const metadata::RepositoryRef ref = RefOf(repository);
  const metadata::LinkRow link = TRY(FindWhole(repository, digest));
  if (link.collect_after && *link.collect_after - store_.StoreTime() < grace_.hold()) {
    const bool held = TRY(store_.Write([&](metadata::WriteTransaction& transaction) {
      return metadata::HoldLink(transaction, ref, digest, transaction.store_time() + grace_.claimed_hold());
    }));
    if (!held) return Fail(LayerNotFound(repository, digest));
    grace_.CountExtension();
  }
  // The next question about a layer that an image refers to is answered from memory, and so is its pull.
  if (!link.collect_after && !caches_.FindLayer(repository.id, digest)) {
    const auto opened = OpenOnce(repository, digest);
    if (!opened && opened.error().code() == ErrorCode::kKeyFailure) return Fail(opened.error());
  }
  return LayerInfo{digest, link.blob.size, link.media_type, !link.collect_after};
}

Result<std::optional<OpenLayerPtr>> Layers::OpenOnce(const Repository& repository, const Digest& digest) {
  const std::uint64_t version = caches_.versions.Current(LayerKey(repository.id, digest));
  const Stored stored = TRY(Find(repository, digest));
  auto layer = OpenStored(repository, stored);
  if (!layer && layer.error().code() == ErrorCode::kDamaged)
    layer = OpenStored(repository, stored);  // damage needs two failed reads (design-storage 1.11)
  if (!layer) HeedDamage(layer.error(), RefOf(repository).registry, stored.link.blob.file_id);
  if (layer && *layer && (**layer)->referenced) caches_.PutLayer(repository.id, **layer, version);
  return layer;
}

Result<std::optional<OpenLayerPtr>> Layers::OpenStored(const Repository& repository, const Stored& stored) {
  const metadata::LinkRow& link = stored.link;
  const keys::RepositoryKey key = TRY(keys_.Get(KeyRefOf(repository), link.key.repository_key));
  const blobs::BlobIdentity identity{TRY(blobs::FileId::FromBytes(link.blob.file_id)), DomainOf(repository),
                                     TRY(key.Unwrap(link.key.bytes, WrapContextOf(link.blob)))};

  auto layer = std::make_shared<OpenLayer>(link.blob.digest, key);
  layer->size = link.blob.size;
  layer->referenced = !link.collect_after;
  layer->opened = caches_.clock.Elapsed();
  if (stored.content) {
    layer->content = std::make_shared<const std::string>(
        TRY(blobs::OpenRowContent(identity, link.blob.layout, *stored.content)));
  } else if (!TRY(OpenFile(identity, link.blob.layout, *layer))) {
    return std::nullopt;
  }
  return layer;
}

Result<metadata::LinkRow> Layers::FindWhole(const Repository& repository, const Digest& digest) {
  for (int look = 1;; ++look) {
    auto link = TRY(store_.Read([&](metadata::sql::Session& session) {
      return metadata::FindLink(session, RefOf(repository), digest);
    }));
    if (!IsReadable(link)) return Fail(OutOfReach(repository, digest, link));
    if (TRY(IsFileWhole(files_, link->blob))) return *std::move(link);
    if (look < kLooks) continue;
    HeedDamage(Error(ErrorCode::kDamaged, "its file is missing, or not as long as it was"),
               RefOf(repository).registry, link->blob.file_id);
    return Fail(LayerNotFound(repository, digest));
  }
}

void Layers::HeedDamage(const Error& error, std::int64_t registry, Bytes file_id) {
  if (error.code() != ErrorCode::kDamaged) return;
  const Result<bool> aside = SetAside(store_, registry, file_id);
  if (!aside)
    log::Error("a damaged blob could not be set aside", {{"error", aside.error().ToString()}});
  else if (*aside)
    log::Error("a blob is damaged: it is set aside, and a push of it heals it",
               {{"blob", HexEncode(file_id)}, {"error", error.ToString()}});
}

// A body whose damage is heeded before the connection ends: the client's next question is answered by what
// was found.
class Layers::CheckedSource final : public http::BodySource {
 public:
  CheckedSource(Layers& layers, OpenLayerPtr layer, std::unique_ptr<http::BodySource> source)
      : layers_(layers), layer_(std::move(layer)), source_(std::move(source)) {}

  std::uint64_t length() const override { return source_->length(); }
  Result<std::size_t> Read(MutableBytes out) override {
    Result<std::size_t> read = source_->Read(out);
    const blobs::BlobReader& reader = *layer_->reader;
    if (!read) layers_.HeedDamage(read.error(), reader.domain().registry, reader.id().bytes());
    return read;
  }

 private:
  Layers& layers_;
  const OpenLayerPtr layer_;
  const std::unique_ptr<http::BodySource> source_;
};

Result<Layers::Stored> Layers::Find(const Repository& repository, const Digest& digest) {
  return store_.Read([&](metadata::sql::Session& session) -> Result<Stored> {
    auto link = TRY(metadata::FindLink(session, RefOf(repository), digest));
    if (!IsReadable(link)) return Fail(OutOfReach(repository, digest, link));
    Stored stored{std::move(*link), std::nullopt};
    if (TRY(blobs::FileId::FromBytes(stored.link.blob.file_id)).in_row())
      stored.content =
          TRY(metadata::FindRowContent(session, RefOf(repository).registry, stored.link.blob.file_id));
    return stored;
  });
}

Result<bool> Layers::OpenFile(const blobs::BlobIdentity& identity, Bytes layout, OpenLayer& layer) {
  std::shared_ptr<blobs::File> file = TRY(files_.Open(identity.file, blobs::Access::kRead));
  if (!file) return false;
  layer.file = file;
  layer.reader =
      TRY(blobs::BlobReader::Open(std::move(file), identity, layout, static_cast<std::uint64_t>(layer.size)));
  if (layer.size > kSmallLayer) return true;
  std::string content(static_cast<std::size_t>(layer.size), '\0');
  TRY(layer.reader->Read(0, {reinterpret_cast<std::uint8_t*>(content.data()), content.size()}));
  layer.content = std::make_shared<const std::string>(std::move(content));
  layer.reader = nullptr;  // and with it the data key
  return true;
}

Result<OpenLayerPtr> Layers::Open(const Repository& repository, const Digest& digest) {
  if (OpenLayerPtr cached = caches_.FindLayer(repository.id, digest)) return cached;
  for (int look = 0; look < kLooks; ++look)
    if (std::optional<OpenLayerPtr> layer = TRY(OpenOnce(repository, digest))) return *layer;
  (void)TRY(FindWhole(repository, digest));
  return Fail(LayerNotFound(repository, digest));
}

OpenLayerPtr Layers::TryOpen(const Repository& repository, std::string_view digest) {
  const Result<Digest> parsed = Digest::Parse(digest);
  return parsed ? caches_.FindLayer(repository.id, *parsed) : nullptr;
}

http::Body Layers::Body(const OpenLayerPtr& layer, ByteRange range) {
  if (layer->content) {
    if (range.length == layer->content->size()) return layer->content;
    return layer->content->substr(range.offset, range.length);
  }
  if (layer->reader->suite() == blobs::Suite::kPlain) return layer->reader->Range(range.offset, range.length);
  return std::make_unique<CheckedSource>(
      *this, layer,
      layer->reader->Stream(range.offset, range.length, [layer] { return layer->key.still_valid(); }));
}

Result<bool> Layers::Mount(const Repository& source, const Repository& target, const Digest& digest) {
  if (source.registry_id != target.registry_id || source.domain != target.domain) return false;
  const auto link = FindWhole(source, digest);
  if (!link) {
    const ErrorCode code = link.error().code();
    if (code == ErrorCode::kLayerNotFound || code == ErrorCode::kLayerArchived) return false;
    return Fail(link.error());
  }
  return store_.Write([&](metadata::WriteTransaction& transaction) -> Result<bool> {
    TRY(RequireRepository(transaction, target));
    if (!TRY(metadata::IsLayerPresent(transaction, RefOf(source), digest))) return false;
    const auto from = TRY(metadata::FindLink(transaction.session(), RefOf(source), digest));
    if (!IsReadable(from) || from->blob.file_id != link->blob.file_id) return false;
    TRY(ShareLink(transaction, keys_, KeyRefOf(source), *from, target, grace_.hold()));
    transaction.Touch(LayerKey(target.id, digest));
    return true;
  });
}

Result<std::vector<RepositoryName>> Layers::SourcesOf(const Repository& target, const Digest& digest,
                                                      int limit) {
  const std::vector<std::string> names = TRY(store_.Read([&](metadata::sql::Session& session) {
    return metadata::ListHolders(session, RefOf(target), target.domain, digest, limit);
  }));
  std::vector<RepositoryName> sources;
  for (const std::string& name : names) sources.push_back(RepositoryName::Trusted(name));
  return sources;
}

Result<> Layers::Delete(const Repository& repository, const Digest& digest) {
  TRY(store_.Write([&](metadata::WriteTransaction& transaction) -> Result<> {
    const metadata::RepositoryRef ref = RefOf(repository);
    const auto link = TRY(metadata::FindLink(transaction.session(), ref, digest));
    if (!link || link->blob.state != metadata::BlobState::kLive)
      return Fail(LayerNotFound(repository, digest));
    if (TRY(metadata::IsLayerReferenced(transaction.session(), ref, digest)))
      return Fail(About(repository, ErrorCode::kLayerReferenced).With("digest", digest.ToString()));
    TRY(metadata::DeleteLink(transaction, ref, digest));
    transaction.Touch(LayerKey(repository.id, digest));
    return {};
  }));
  deletions_.Add(LayerKey(repository.id, digest), caches_.clock.Elapsed());
  return {};
}

bool Layers::WasDeleted(const Repository& repository, const Digest& digest) const {
  return deletions_.Contains(LayerKey(repository.id, digest), caches_.clock.Elapsed());
}

}  // namespace entrepot::registry
