#include "server/storage.h"

#include "base/log.h"
#include "metadata/blobs.h"

namespace entrepot::server {
namespace {

keys::FileEncryption FileEncryptionOf(const Config& config) {
  return config.storage_encryption == StorageEncryption::kDisk ? keys::FileEncryption::kDisk
                                                               : keys::FileEncryption::kServiceKey;
}

std::vector<metadata::EventReceiver> ReceiversOf(const Config& config) {
  std::vector<metadata::EventReceiver> receivers;
  if (!config.events_file.empty()) receivers.push_back(metadata::EventReceiver::kFile);
  if (!config.events_webhook_url.empty()) receivers.push_back(metadata::EventReceiver::kWebhook);
  return receivers;
}

// A root that has held files must be there: an empty directory is then a disk that is not mounted.
Result<std::unique_ptr<blobs::BlobStore>> OpenTier(blobs::Files& files, metadata::Store& store,
                                                   const std::filesystem::path& root,
                                                   metadata::BlobTier tier) {
  const bool has_blobs =
      TRY(store.Read([&](metadata::sql::Session& session) { return metadata::AnyBlobs(session, tier); }));
  return blobs::BlobStore::Open(files, root.string(), store.store_id(), store.boot_epoch(),
                                has_blobs ? blobs::RootPolicy::kMustExist : blobs::RootPolicy::kMayCreate);
}

}  // namespace

Result<std::unique_ptr<Storage>> Storage::Open(const Config& config, const DataLayout& layout,
                                               blobs::Files& files, metadata::Store& store,
                                               SealingKeys root_keys) {
  auto blob_store = TRY(OpenTier(files, store, layout.blobs(), metadata::BlobTier::kHot));
  auto archive_store = TRY(OpenTier(
      files, store, config.storage_archive_dir.empty() ? layout.archive() : config.storage_archive_dir,
      metadata::BlobTier::kArchive));
  if (config.collection_grace < registry::Grace::kUnderPressure)
    log::Warning(
        "collection.grace is below an hour: a push that takes longer can lose the layers it sent first",
        {{"seconds", config.collection_grace.count()}});
  return std::unique_ptr<Storage>(new Storage(config, layout, store, std::move(blob_store),
                                              std::move(archive_store), std::move(root_keys)));
}

Storage::Storage(const Config& config, const DataLayout& layout, metadata::Store& opened,
                 std::unique_ptr<blobs::BlobStore> blob_store,
                 std::unique_ptr<blobs::BlobStore> archive_store, SealingKeys root_keys)
    : store(opened),
      blobs(std::move(blob_store)),
      archive(std::move(archive_store)),
      keys(std::move(root_keys), store, FileEncryptionOf(config)),
      grace(config.collection_grace),
      outbox(ReceiversOf(config)),
      collection(store, {*blobs, *archive}, keys, grace, outbox),
      fsck(store, {*blobs, *archive}, keys, grace),
      archivist(store, {*blobs, *archive}, keys, grace, outbox),
      free_watermark_(static_cast<std::uint64_t>(config.storage_free_watermark)),
      largest_(static_cast<int>(config.metrics_repositories)),
      reserve_(layout.reserve(), config.storage_reserve) {
  RefuseNewOnFullDisk();
}

Result<> Storage::WatchUsage() {
  UsageView view = TRY(store.Read([&](metadata::sql::Session& session) -> Result<UsageView> {
    return UsageView{TRY(metadata::ListRegistryUsage(session)),
                     TRY(metadata::ListLargest(session, largest_))};
  }));
  const std::lock_guard lock(usage_mutex_);
  usage_ = std::move(view);
  return {};
}

Storage::UsageView Storage::usage() const {
  const std::lock_guard lock(usage_mutex_);
  return usage_;
}

// Nothing moves either: a move takes room before it frees any.
void Storage::RefuseNewOnFullDisk() {
  blobs->RefuseNew(reserve_.given_up());
  archive->RefuseNew(reserve_.given_up());
}

void Storage::WatchDisk() {
  reserve_.Tend();
  RefuseNewOnFullDisk();
  const Result<blobs::DiskSpace> space = blobs->Space();
  if (!space || space->total == 0) return;
  total_ = space->total;
  available_ = space->available;
  const bool pressed = space->available < space->total / 100 * free_watermark_;
  if (pressed == grace.under_pressure()) return;
  grace.SetPressure(pressed);
  log::Warning(pressed ? "the disk is nearly full: layers without an image are held for a short time only"
                       : "the disk has room again: layers without an image are held for their full time",
               {{"available_bytes", space->available},
                {"total_bytes", space->total},
                {"grace_seconds", grace.hold().count()}});
}

}  // namespace entrepot::server
