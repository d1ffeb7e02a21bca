#include "registry/collection.h"

#include <map>

#include "base/log.h"
#include "metadata/blobs.h"
#include "metadata/images.h"
#include "metadata/storage_class.h"
#include "metadata/uploads.h"
#include "registry/caches.h"
#include "registry/link_layer.h"
#include "registry/take_image.h"

namespace entrepot::registry {
namespace {

using metadata::WritePriority;
using metadata::WriteTransaction;

constexpr int kSlice = 64;  // rows: a group of writes stays under its 2 ms (design-storage 1.5)
constexpr std::size_t kArtifactSlice = 8;
constexpr int kCountedDue = 10'000;  // more than that is not counted: the figure says that much is late

}  // namespace

Result<bool> Collection::RunSlice() {
  const std::lock_guard lock(running_);
  TRY(LookAtDue());
  if (paused_ || store_.time_suspect()) return false;
  constexpr Result<bool> (Collection::* kSteps[])() = {
      &Collection::RemoveDueLinks, &Collection::RemoveArtifacts,    &Collection::SweepDeletedRepositories,
      &Collection::ExpireUploads,  &Collection::MoveLinksOfDamaged, &Collection::EndQuarantine,
      &Collection::MarkUnused,     &Collection::RemoveMarked,
  };
  bool more = false;
  std::optional<Error> failure;
  for (const auto step : kSteps) {
    const Result<bool> outcome = (this->*step)();
    more |= outcome.value_or(false);
    if (outcome) continue;
    ++counters_.failures;
    if (!failure) failure = outcome.error();
  }
  if (failure) return Fail(*std::move(failure));
  if (!more) counters_.last_run = store_.clock().Now().micros;
  return more;
}

Result<> Collection::LookAtDue() {
  due_ = static_cast<std::uint64_t>(TRY(store_.Read([&](metadata::sql::Session& session) {
    return metadata::CountDue(session, store_.StoreTime(), kCountedDue);
  })));
  return {};
}

Result<metadata::Reclaimable> Collection::Preview() {
  return store_.Read([&](metadata::sql::Session& session) {
    return metadata::FindReclaimable(session, store_.StoreTime());
  });
}

Result<bool> Collection::RemoveDueLinks() {
  const Timestamp now = store_.StoreTime();
  const auto due = TRY(store_.Read(
      [&](metadata::sql::Session& session) { return metadata::ListDueLinks(session, now, kSlice); }));
  if (due.empty()) return false;
  const std::uint64_t removed = TRY(store_.Write(
      [&](WriteTransaction& transaction) -> Result<std::uint64_t> {
        std::uint64_t count = 0;
        for (const metadata::DueLink& link : due) {
          // It was perhaps claimed or referred to since it was listed.
          if (!TRY(metadata::IsLinkDue(transaction, link.ref, link.digest))) continue;
          TRY(metadata::DeleteLink(transaction, link.ref, link.digest));
          transaction.Touch(LayerKey(RepositoryId(link.ref.repository), link.digest));
          ++count;
        }
        return count;
      },
      WritePriority::kBackground));
  counters_.links += removed;
  return removed > 0;
}

// Artifacts go with their subject, each in a transaction of its own; their blobs then have their grace.
Result<bool> Collection::RemoveArtifacts() {
  const auto ended = TRY(store_.Read([&](metadata::sql::Session& session) {
    return metadata::ListEndedSubjects(session, store_.StoreTime(), kSlice);
  }));
  for (const metadata::EndedSubject& subject : ended) TRY(RemoveArtifactsOf(subject));
  return !ended.empty();
}

Result<> Collection::RemoveArtifactsOf(const metadata::EndedSubject& ended) {
  const std::uint64_t removed = TRY(store_.Write(
      [&](WriteTransaction& transaction) -> Result<std::uint64_t> {
        // The subject was perhaps pushed again.
        const bool back =
            TRY(metadata::FindManifest(transaction.session(), ended.ref, ended.subject)).has_value();
        const auto artifacts =
            back ? std::vector<Digest>()
                 : TRY(metadata::ReferrersOfEnded(transaction.session(), ended, kArtifactSlice));
        for (const Digest& artifact : artifacts)
          TRY(TakeImage(transaction, ended.ref, artifact, grace_, outbox_));
        if (artifacts.size() < kArtifactSlice) TRY(metadata::ForgetEndedSubject(transaction, ended));
        return artifacts.size();
      },
      WritePriority::kBackground));
  counters_.artifacts += removed;
  return {};
}

Result<bool> Collection::SweepDeletedRepositories() {
  return store_.Write(
      [&](WriteTransaction& transaction) { return metadata::SweepRemains(transaction, kSlice); },
      WritePriority::kBackground);
}

Result<bool> Collection::ExpireUploads() {
  const bool any = TRY(store_.Read(
      [&](metadata::sql::Session& session) { return metadata::AnyUploadDue(session, store_.StoreTime()); }));
  if (!any) return false;
  const std::vector<ByteVector> held = TRY(store_.Write(
      [&](WriteTransaction& transaction) { return metadata::ExpireUploads(transaction, kSlice); },
      WritePriority::kBackground));
  for (const ByteVector& file : held) {
    const blobs::FileId id = TRY(blobs::FileId::FromBytes(file));
    TRY(tiers_.hot.Remove(id));
    ++counters_.uploads;
  }
  return true;
}

Result<bool> Collection::MoveLinksOfDamaged() {
  const auto damaged = TRY(
      store_.Read([&](metadata::sql::Session& session) { return metadata::ListHealable(session, kSlice); }));
  bool moved_any = false;
  for (const metadata::FileRow& file : damaged) {
    moved_any |= TRY(store_.Write(
        [&](WriteTransaction& transaction) -> Result<bool> {
          bool moved = false;
          for (const metadata::LinkRow& link :
               TRY(metadata::ListLinks(transaction.session(), file.registry, file.blob.file_id, kSlice)))
            moved |= TRY(MoveLink(transaction, keys_, file.registry, link));
          if (moved) TRY(metadata::AddCandidate(transaction, file.registry, file.blob.file_id));
          return moved;
        },
        WritePriority::kBackground));
  }
  return moved_any;
}

// A blob that is still linked may yet be mended, so it stays, and is looked at again after a grace; the
// others are looked at like any that lost their links.
Result<bool> Collection::EndQuarantine() {
  const Timestamp now = store_.StoreTime();
  const auto over = TRY(store_.Read(
      [&](metadata::sql::Session& session) { return metadata::ListQuarantineOver(session, now, kSlice); }));
  if (over.empty()) return false;
  TRY(store_.Write(
      [&](WriteTransaction& transaction) -> Result<> {
        for (const metadata::FileRow& file : over) {
          TRY(metadata::AddCandidate(transaction, file.registry, file.blob.file_id));
          const bool used = TRY(metadata::IsFileInUse(transaction, file.registry, file.blob.file_id));
          if (used)
            TRY(metadata::MarkDamaged(transaction, file.registry, file.blob.file_id,
                                      transaction.store_time() + grace_.hold()));
        }
        return {};
      },
      WritePriority::kBackground));
  return true;
}

// Transaction A: what nothing names is marked, by evidence found in the same transaction.
Result<bool> Collection::MarkUnused() {
  const auto candidates = TRY(store_.Read(
      [&](metadata::sql::Session& session) { return metadata::ListCandidates(session, kSlice); }));
  if (candidates.empty()) return false;
  TRY(store_.Write(
      [&](WriteTransaction& transaction) -> Result<> {
        for (const metadata::FileRow& file : candidates) {
          if (!TRY(metadata::IsFileInUse(transaction, file.registry, file.blob.file_id)))
            TRY(metadata::SetBlobState(transaction, file.registry, file.blob.file_id,
                                       metadata::BlobState::kDeleting));
          else if (file.blob.hot() && TRY(metadata::HasLink(transaction.session(), file.registry,
                                                            file.blob.file_id, /*archived=*/true)))
            TRY(metadata::AddArchiveCandidate(transaction, file.registry, file.blob.file_id,
                                              transaction.store_time()));
          TRY(metadata::DropCandidate(transaction, file.registry, file.blob.file_id));
        }
        return {};
      },
      WritePriority::kBackground));
  return true;
}

// Unlink, make that durable, then transaction B forgets the row. Interrupted anywhere, it is done again.
Result<bool> Collection::RemoveMarked() {
  const auto marked = TRY(
      store_.Read([&](metadata::sql::Session& session) { return metadata::ListDeleting(session, kSlice); }));
  if (marked.empty()) return false;
  const auto gone = TRY(Unlink(marked));
  TRY(store_.Write(
      [&](WriteTransaction& transaction) -> Result<> {
        for (const metadata::FileRow& file : gone)
          TRY(metadata::DeleteBlob(transaction, file.registry, file.blob.file_id));
        return {};
      },
      WritePriority::kBackground));
  for (const metadata::FileRow& file : gone) counters_.bytes += static_cast<std::uint64_t>(file.blob.size);
  counters_.blobs += gone.size();
  return !gone.empty();
}

// Those whose removal is durable; one that cannot be removed now keeps no other.
Result<std::vector<metadata::FileRow>> Collection::Unlink(const std::vector<metadata::FileRow>& marked) {
  std::vector<metadata::FileRow> gone;
  std::map<std::pair<metadata::BlobTier, std::string>, Result<>> synced;  // a directory at a time
  for (const metadata::FileRow& file : marked) {
    const blobs::FileId id = TRY(blobs::FileId::FromBytes(file.blob.file_id));
    if (id.in_row()) continue;
    const Result<> removed = tiers_.Of(file.blob).Remove(id);
    if (!removed) synced.insert_or_assign({file.blob.tier, id.directory()}, removed);
  }
  for (const metadata::FileRow& file : marked) {
    const blobs::FileId id = TRY(blobs::FileId::FromBytes(file.blob.file_id));
    if (!id.in_row()) {
      const std::pair directory(file.blob.tier, id.directory());
      auto found = synced.find(directory);
      if (found == synced.end())
        found = synced.emplace(directory, tiers_.Of(file.blob).SyncRemoval(id)).first;
      if (!found->second) {
        log::Error("a collected file could not be removed; it is tried again",
                   {{"file", id.name()}, {"error", found->second.error().ToString()}});
        ++counters_.failures;
        continue;
      }
    }
    gone.push_back(file);
  }
  return gone;
}

Result<bool> Collection::SweepOrphans() {
  const std::lock_guard lock(running_);
  if (paused_) return false;
  if (!orphans_)
    orphans_.emplace(TRY(tiers_.hot.ListBefore(store_.boot_epoch())),
                     TRY(tiers_.archive.ListBefore(store_.boot_epoch())));
  return TRY(RemoveOrphans(tiers_.hot, orphans_->hot)) ||
         TRY(RemoveOrphans(tiers_.archive, orphans_->archive));
}

Result<bool> Collection::RemoveOrphans(blobs::BlobStore& store, blobs::BlobStore::Listing& listing) {
  const std::optional<std::vector<blobs::FileId>> files = TRY(listing.Next());
  if (!files) return false;
  for (const blobs::FileId& file : *files) {
    // This read begins after the listing (design-storage 1.12).
    const bool known = TRY(store_.Read(
        [&](metadata::sql::Session& session) { return metadata::IsFileKnown(session, file.bytes()); }));
    if (known) continue;
    log::Info("removing a file that no row names", {{"file", file.name()}});
    TRY(store.Remove(file));
    ++counters_.orphans;
  }
  return true;
}

}  // namespace entrepot::registry
