#include "registry/archivist.h"

#include <algorithm>
#include <limits>

#include "base/encoding.h"
#include "base/log.h"
#include "metadata/blobs.h"
#include "metadata/store_walk.h"
#include "registry/caches.h"
#include "registry/manifest.h"
#include "registry/storage_class.h"

namespace entrepot::registry {
namespace {

using metadata::ArchiveCandidate;
using metadata::RepositoryRef;
using metadata::StorageClassChange;
using metadata::WritePriority;
using metadata::WriteTransaction;

constexpr int kSlice = 16;
constexpr int kCountedPending = 1'000;

// Until the next attempt: soon at first, then every five minutes.
std::chrono::seconds DelayAfter(std::int64_t attempts) {
  return std::chrono::seconds(
      std::min<std::int64_t>(300, std::int64_t{1} << std::min<std::int64_t>(attempts, 9)));
}

Result<std::optional<ImageStatus>> StatusOf(metadata::sql::Session& session, RepositoryRef ref,
                                            const Digest& image) {
  const auto row = TRY(metadata::FindManifest(session, ref, image));
  return row ? std::optional(row->status) : std::nullopt;
}

// Whether what the reference names is at hand, so that the image that names it can be pulled.
Result<bool> IsAtHand(metadata::sql::Session& session, RepositoryRef ref,
                      const metadata::ReferenceRow& reference) {
  if (IsLayer(ReferenceKind(reference.kind))) {
    const auto link = TRY(metadata::FindLink(session, ref, reference.child));
    return link && link->readable();
  }
  if (ReferenceKind(reference.kind) == ReferenceKind::kManifest)
    return TRY(StatusOf(session, ref, reference.child)) == ImageStatus::kActive;
  return true;
}

}  // namespace

Result<bool> Archivist::RunSlice() {
  TRY(LookAtPending());
  // Somebody waits for what is being activated.
  return TRY(CarryChanges()) || TRY(ArchiveFiles());
}

// Also what waits for another attempt, or for a hold to end.
Result<> Archivist::LookAtPending() {
  constexpr Timestamp kEver{std::numeric_limits<std::int64_t>::max()};
  pending_ = TRY(store_.Read([&](metadata::sql::Session& session) -> Result<std::size_t> {
    return TRY(metadata::ListStorageClassChanges(session, kEver, kCountedPending)).size() +
           TRY(metadata::ListArchiveCandidates(session, kEver, kCountedPending)).size();
  }));
  return {};
}

void Archivist::Report(std::string_view what, const Error& error) {
  ++counters_.failures;
  log::Error("a change of storage class could not be carried through; it is tried again",
             {{"subject", what}, {"error", error.ToString()}});
}

Result<bool> Archivist::CarryChanges() {
  const auto changes = TRY(store_.Read([&](metadata::sql::Session& session) {
    return metadata::ListStorageClassChanges(session, store_.StoreTime(), kSlice);
  }));
  for (const StorageClassChange& change : changes) {
    const Result<> carried = Carry(change);
    if (mover_.stopping()) return false;
    if (carried) continue;
    Report(change.image.ToString(), carried.error());
    TRY(store_.Write(
        [&](WriteTransaction& transaction) {
          return metadata::PostponeStorageClassChange(transaction, change,
                                                      transaction.store_time() + DelayAfter(change.attempts));
        },
        WritePriority::kBackground));
  }
  return !changes.empty();
}

// One a slice.
Result<bool> Archivist::ArchiveFiles() {
  const auto candidates = TRY(store_.Read([&](metadata::sql::Session& session) {
    return metadata::ListArchiveCandidates(session, store_.StoreTime(), 1);
  }));
  for (const ArchiveCandidate& candidate : candidates) {
    const Result<> archived = ArchiveFile(candidate);
    if (mover_.stopping()) return false;
    if (!archived) Report(HexEncode(candidate.file_id), archived.error());
    TRY(store_.Write(
        [&](WriteTransaction& transaction) {
          return archived
                     ? metadata::DropArchiveCandidate(transaction, candidate)
                     : metadata::PostponeArchiveCandidate(
                           transaction, candidate, transaction.store_time() + DelayAfter(candidate.attempts));
        },
        WritePriority::kBackground));
  }
  return !candidates.empty();
}

// A layer that was pushed again, and whose image has not come since, is out of reach again.
Result<> Archivist::ArchiveFile(const ArchiveCandidate& candidate) {
  TRY(store_.Write(
      [&](WriteTransaction& transaction) -> Result<> {
        const auto row =
            TRY(metadata::FindBlob(transaction.session(), candidate.registry, candidate.file_id));
        if (!row) return {};
        for (const std::int64_t repository : TRY(metadata::ListUnarchivedHolders(
                 transaction.session(), candidate.registry, candidate.file_id, kSlice)))
          TRY(ParkLayer(transaction, {candidate.registry, repository}, row->digest));
        return {};
      },
      WritePriority::kBackground));
  return mover_.Archive(candidate.registry, candidate.file_id);
}

Result<> Archivist::Carry(const StorageClassChange& change) {
  const auto status_of = [&](metadata::sql::Session& session) {
    return StatusOf(session, change.ref, change.image);
  };
  const bool is_going = !TRY(store_.Read(
      [&](metadata::sql::Session& session) { return metadata::FindRepositoryName(session, change.ref); }));
  std::optional<ImageStatus> status = TRY(store_.Read(status_of));
  if (is_going) status.reset();
  if (status == ImageStatus::kActivating) {
    TRY(Activate(change.ref, change.image));
    status = ImageStatus::kActive;
  }
  if (status == ImageStatus::kArchived) TRY(ArchiveReferrers(change.ref, change.image));
  if (status == ImageStatus::kActive) TRY(ActivateReferrers(change.ref, change.image));
  return store_.Write(
      [&](WriteTransaction& transaction) -> Result<> {
        // Its class was perhaps changed again meanwhile: then there is more to do.
        if (!is_going && TRY(status_of(transaction.session())) != status) return {};
        return metadata::ForgetStorageClassChange(transaction, change.ref, change.image);
      },
      WritePriority::kBackground);
}

Result<> Archivist::Activate(RepositoryRef ref, const Digest& image) {
  const auto references = TRY(store_.Read(
      [&](metadata::sql::Session& session) { return metadata::ReferencesOf(session, ref, image); }));
  for (const metadata::ReferenceRow& reference : references) {
    if (IsLayer(ReferenceKind(reference.kind))) TRY(mover_.BringBack(ref, reference.child));
    if (ReferenceKind(reference.kind) != ReferenceKind::kManifest) continue;
    const auto child = TRY(store_.Read(
        [&](metadata::sql::Session& session) { return StatusOf(session, ref, reference.child); }));
    if (child == ImageStatus::kActivating) TRY(Activate(ref, reference.child));
  }
  return store_.Write(
      [&](WriteTransaction& transaction) -> Result<> {
        metadata::sql::Session& session = transaction.session();
        if (TRY(StatusOf(session, ref, image)) != ImageStatus::kActivating) return {};
        for (const metadata::ReferenceRow& reference : references)
          if (!TRY(IsAtHand(session, ref, reference)))
            return Fail(ErrorCode::kUnavailable, reference.child.ToString() + " is not at hand");
        return FinishActivation(transaction, outbox_, ref, image);
      },
      WritePriority::kBackground);
}

template <class Step>
Result<> Archivist::ForEachReferrer(RepositoryRef ref, const Digest& subject, Step step) {
  for (std::optional<Digest> after;;) {
    const auto referrers = TRY(store_.Read([&](metadata::sql::Session& session) {
      return metadata::ListReferrers(session, ref, subject, after, kSlice);
    }));
    if (referrers.empty()) return {};
    after = referrers.back().digest;
    TRY(store_.Write(
        [&](WriteTransaction& transaction) -> Result<> {
          for (const metadata::ManifestRow& referrer : referrers)
            TRY(step(transaction, referrer.digest,
                     TRY(StatusOf(transaction.session(), ref, referrer.digest))));
          return {};
        },
        WritePriority::kBackground));
  }
}

// One that an index in use names stays with that.
Result<> Archivist::ArchiveReferrers(RepositoryRef ref, const Digest& subject) {
  return ForEachReferrer(
      ref, subject,
      [&](WriteTransaction& transaction, const Digest& referrer,
          std::optional<ImageStatus> status) -> Result<> {
        if (status != ImageStatus::kActive) return {};
        if (!TRY(metadata::IndexesInUseOf(transaction.session(), ref, referrer, 1)).empty()) return {};
        return ArchiveImage(transaction, outbox_, ref, referrer);
      });
}

Result<> Archivist::ActivateReferrers(RepositoryRef ref, const Digest& subject) {
  return ForEachReferrer(ref, subject,
                         [&](WriteTransaction& transaction, const Digest& referrer,
                             std::optional<ImageStatus> status) -> Result<> {
                           if (status != ImageStatus::kArchived) return {};
                           return BeginActivation(transaction, ref, referrer);
                         });
}

}  // namespace entrepot::registry
