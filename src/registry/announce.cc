#include "registry/announce.h"

namespace entrepot::registry {
namespace {

using events::ImageAction;
using events::ImageActionType;
using metadata::WriteTransaction;

// Of an image whose repository is there; nothing once it was deleted.
Result<std::optional<ImageAction>> ActionOn(WriteTransaction& transaction, metadata::RepositoryRef ref,
                                            const metadata::ManifestRow& image, ImageActionType type) {
  const auto registry = TRY(metadata::FindRegistryName(transaction.session(), ref.registry));
  auto repository = TRY(metadata::FindRepositoryName(transaction.session(), ref));
  if (!registry || !repository) return std::nullopt;
  return ImageAction{.type = type,
                     .registry = *registry,
                     .repository = *std::move(repository),
                     .digest = image.digest,
                     .tag = "",
                     .manifest_media_type = image.media_type,
                     .artifact_media_type = image.artifact_type.value_or(""),
                     .has_subject = image.subject.has_value(),
                     .target_storage_class = "",
                     .last_activated_at = std::nullopt};
}

Result<> AnnounceTags(WriteTransaction& transaction, const events::Outbox& outbox,
                      metadata::RepositoryRef ref, const metadata::ManifestRow& image, ImageActionType type,
                      std::vector<std::string> tags) {
  if (!outbox.enabled()) return {};
  auto action = TRY(ActionOn(transaction, ref, image, type));
  if (!action) return {};
  if (tags.empty()) tags.emplace_back();
  for (std::string& tag : tags) {
    action->tag = std::move(tag);
    TRY(outbox.Announce(transaction, ref, EventOf(*action, transaction.now())));
  }
  return {};
}

}  // namespace

Result<> AnnouncePush(WriteTransaction& transaction, const events::Outbox& outbox,
                      metadata::RepositoryRef ref, const metadata::ManifestRow& image,
                      const std::vector<std::string>& tags) {
  return AnnounceTags(transaction, outbox, ref, image, ImageActionType::kPush, tags);
}

Result<> AnnounceDelete(WriteTransaction& transaction, const events::Outbox& outbox,
                        metadata::RepositoryRef ref, const metadata::ManifestRow& image,
                        const std::vector<std::string>& tags) {
  return AnnounceTags(transaction, outbox, ref, image, ImageActionType::kDelete, tags);
}

Result<> AnnounceStorageClass(WriteTransaction& transaction, const events::Outbox& outbox,
                              metadata::RepositoryRef ref, const metadata::ManifestRow& image,
                              std::string_view target, std::optional<Timestamp> last_activated_at) {
  if (!outbox.enabled()) return {};
  auto action = TRY(ActionOn(transaction, ref, image, ImageActionType::kUpdateStorageClass));
  if (!action) return {};
  action->target_storage_class = target;
  action->last_activated_at = last_activated_at;
  return outbox.Announce(transaction, ref, EventOf(*action, transaction.now()));
}

Result<> AnnouncePull(WriteTransaction& transaction, const events::Outbox& outbox,
                      metadata::RepositoryRef ref, const metadata::ManifestRow& image, std::string_view tag,
                      Timestamp time) {
  auto action = TRY(ActionOn(transaction, ref, image, ImageActionType::kPull));
  if (!action) return {};
  action->tag = tag;
  return outbox.Announce(transaction, ref, EventOf(*action, time));
}

}  // namespace entrepot::registry
