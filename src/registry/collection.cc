#include "registry/collection.h"

#include "base/log.h"
#include "metadata/blobs.h"
#include "metadata/images.h"
#include "metadata/uploads.h"
#include "registry/caches.h"
#include "registry/link_layer.h"

namespace entrepot::registry {
namespace {

using metadata::WritePriority;
using metadata::WriteTransaction;

constexpr int kSlice = 64;  // rows: a group of writes stays under its 2 ms (design-storage 1.5)

}  // namespace

Result<bool> Collection::RunSlice() {
  if (store_.time_suspect()) return false;
  bool more = TRY(RemoveDueLinks());
  more |= TRY(SweepDeletedRepositories());
  more |= TRY(ExpireUploads());
  more |= TRY(MoveLinksOfDamaged());
  more |= TRY(MarkUnused());
  more |= TRY(RemoveMarked());
  return more;
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
    TRY(files_.Remove(id));
    ++counters_.uploads;
  }
  return true;
}

Result<bool> Collection::MoveLinksOfDamaged() {
  const auto damaged = TRY(
      store_.Read([&](metadata::sql::Session& session) { return metadata::ListDamaged(session, kSlice); }));
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
  for (const metadata::FileRow& file : marked) {
    const blobs::FileId id = TRY(blobs::FileId::FromBytes(file.blob.file_id));
    if (id.in_row()) continue;
    TRY(files_.Remove(id));
    TRY(files_.SyncEntry(id));
  }
  TRY(store_.Write(
      [&](WriteTransaction& transaction) -> Result<> {
        for (const metadata::FileRow& file : marked)
          TRY(metadata::DeleteBlob(transaction, file.registry, file.blob.file_id));
        return {};
      },
      WritePriority::kBackground));
  counters_.blobs += marked.size();
  return true;
}

Result<bool> Collection::SweepOrphans() {
  if (!orphans_) orphans_ = TRY(files_.ListBefore(store_.boot_epoch()));
  const std::optional<std::vector<blobs::FileId>> files = TRY(orphans_->Next());
  if (!files) return false;
  for (const blobs::FileId& file : *files) {
    // This read begins after the listing (design-storage 1.12).
    const bool known = TRY(store_.Read(
        [&](metadata::sql::Session& session) { return metadata::IsFileKnown(session, file.bytes()); }));
    if (known) continue;
    log::Info("removing a file that no row names", {{"file", file.name()}});
    TRY(files_.Remove(file));
    ++counters_.orphans;
  }
  return true;
}

}  // namespace entrepot::registry
