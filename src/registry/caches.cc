#include "registry/caches.h"

#include <array>

#include "base/check.h"
#include "metadata/repositories.h"

namespace entrepot::registry {
namespace {

// Shares of the whole, by what a pull touches most.
constexpr std::size_t kRepositoryShare = 8, kTagShare = 8, kManifestShare = 4, kLayerShare = 2;

// A repository's id and a name below it, as one key, without an allocation.
class KeyText {
 public:
  KeyText(RepositoryId repository, std::string_view rest) {
    CHECK(rest.size() <= text_.size() - sizeof repository);
    std::memcpy(text_.data(), &repository, sizeof repository);
    std::memcpy(text_.data() + sizeof repository, rest.data(), rest.size());
    size_ = sizeof repository + rest.size();
  }
  KeyText(RepositoryId repository, const Digest& digest) : KeyText(repository, AsText(digest.hash())) {}
  operator std::string_view() const { return {text_.data(), size_}; }  // NOLINT: a key reads as text

 private:
  std::array<char, 512> text_;
  std::size_t size_;
};

std::string_view Raw(const RepositoryId& repository) {
  return {reinterpret_cast<const char*>(&repository), sizeof repository};
}

// A registry's name is two of fixed form; NUL stands in none of the parts.
std::string RegistryText(const RegistryName& registry, std::string_view name) {
  std::string text;
  text.reserve(registry.account.str().size() + registry.region.str().size() + name.size() + 2);
  return text.append(registry.account).append(1, '\0').append(registry.region).append(1, '\0').append(name);
}

}  // namespace

std::uint64_t RepositoryKey(const RegistryName& registry, std::string_view name) {
  return metadata::RepositoryVersion(registry, name);
}
std::uint64_t TagKey(RepositoryId repository, std::string_view tag) {
  return metadata::CacheKey("tag", Raw(repository), tag);
}
std::uint64_t ManifestKey(RepositoryId repository, const Digest& digest) {
  return metadata::CacheKey("manifest", Raw(repository), AsText(digest.hash()));
}
std::uint64_t LayerKey(RepositoryId repository, const Digest& digest) {
  return metadata::CacheKey("layer", Raw(repository), AsText(digest.hash()));
}

bool OpenLayer::usable(std::chrono::microseconds now) const {
  const bool key_in_memory = reader && reader->suite() != blobs::Suite::kPlain;
  if (!key.still_valid() || (key_in_memory && now - opened > std::chrono::minutes(1))) return false;
  if (!file) return true;  // its row was there when it was read; the cache's version says that it still is
  const blobs::SystemResult<blobs::FileStatus> status = file->Status();
  return status && status->links > 0;
}

Caches::Caches(metadata::Store& store, std::size_t bytes)
    : versions(store.versions()),
      clock(store.clock()),
      repositories_(bytes / kRepositoryShare),
      tags_(bytes / kTagShare),
      manifests_(bytes / kManifestShare),
      layers_(bytes / kLayerShare) {}

RepositoryPtr Caches::FindRepository(const RegistryName& registry, std::string_view name) const {
  return repositories_.Get(RepositoryKey(registry, name), RegistryText(registry, name), versions);
}
void Caches::PutRepository(const RepositoryPtr& repository, std::uint64_t version) {
  repositories_.Put(RepositoryKey(repository->registry, repository->name),
                    RegistryText(repository->registry, repository->name), version, repository,
                    sizeof(Repository) + 256);
}

std::shared_ptr<const Digest> Caches::FindTag(RepositoryId repository, std::string_view tag) const {
  if (tag.size() > 300) return nullptr;  // no tag is longer
  return tags_.Get(TagKey(repository, tag), KeyText(repository, tag), versions);
}
void Caches::PutTag(RepositoryId repository, std::string_view tag, const Digest& digest,
                    std::uint64_t version) {
  tags_.Put(TagKey(repository, tag), KeyText(repository, tag), version,
            std::make_shared<const Digest>(digest), sizeof(Digest));
}

StoredManifestPtr Caches::FindManifest(RepositoryId repository, const Digest& digest) const {
  return manifests_.Get(ManifestKey(repository, digest), KeyText(repository, digest), versions);
}
void Caches::PutManifest(RepositoryId repository, const StoredManifestPtr& manifest, std::uint64_t version) {
  manifests_.Put(ManifestKey(repository, manifest->digest), KeyText(repository, manifest->digest), version,
                 manifest, sizeof(StoredManifest) + manifest->content->size());
}

OpenLayerPtr Caches::FindLayer(RepositoryId repository, const Digest& digest) const {
  OpenLayerPtr layer = layers_.Get(LayerKey(repository, digest), KeyText(repository, digest), versions);
  return layer && layer->usable(clock.Elapsed()) ? layer : nullptr;
}
void Caches::PutLayer(RepositoryId repository, const OpenLayerPtr& layer, std::uint64_t version) {
  // An open descriptor weighs as much as a small layer: the budget bounds both.
  constexpr std::size_t kDescriptor = 8 * 1024;
  layers_.Put(LayerKey(repository, layer->digest), KeyText(repository, layer->digest), version, layer,
              sizeof(OpenLayer) + kDescriptor + (layer->content ? layer->content->size() : 0));
}

}  // namespace entrepot::registry
