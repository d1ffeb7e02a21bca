#include "metadata/storage_class.h"

namespace entrepot::metadata {

Result<> SetImageStatus(WriteTransaction& transaction, RepositoryRef ref, const Digest& image,
                        ImageStatus status) {
  const auto now_if = [&](ImageStatus told) {
    return status == told ? std::optional(transaction.now()) : std::nullopt;
  };
  TRY(transaction->Run(
      "UPDATE manifests SET image_status = $4, last_archived_at = COALESCE($5, last_archived_at),"
      " last_activated_at = COALESCE($6, last_activated_at)"
      " WHERE registry = $1 AND repository = $2 AND digest = $3",
      ref.registry, ref.repository, image, static_cast<int>(status), now_if(ImageStatus::kArchived),
      now_if(ImageStatus::kActive)));
  return SetReferencesArchived(transaction, ref, image, status == ImageStatus::kArchived);
}

Result<> SetReferencesArchived(WriteTransaction& transaction, RepositoryRef ref, const Digest& image,
                               bool archived) {
  TRY(transaction->Run(
      "UPDATE manifest_references SET archived = $4 WHERE registry = $1 AND repository = $2 AND parent = $3",
      ref.registry, ref.repository, image, archived ? 1 : 0));
  return {};
}

Result<bool> IsReferenceArchived(sql::Session& session, RepositoryRef ref, const Digest& parent,
                                 const ReferenceRow& reference) {
  sql::Cursor row =
      TRY(session.Query("SELECT archived FROM manifest_references WHERE registry = $1 AND repository = $2"
                        " AND parent = $3 AND child = $4 AND kind = $5",
                        ref.registry, ref.repository, parent, reference.child, reference.kind));
  return TRY(row.Next()) && row.Bool(0);
}

Result<bool> IsLayerNeeded(sql::Session& session, RepositoryRef ref, const Digest& child) {
  sql::Cursor row = TRY(
      session.Query("SELECT 1 FROM manifest_references WHERE registry = $1 AND repository = $2 AND child = $3"
                    " AND kind IN (1, 2) AND archived = 0 LIMIT 1",
                    ref.registry, ref.repository, child));
  return row.Next();
}

Result<std::vector<Digest>> IndexesInUseOf(sql::Session& session, RepositoryRef ref, const Digest& child,
                                           int limit) {
  sql::Cursor row =
      TRY(session.Query("SELECT parent FROM manifest_references WHERE registry = $1 AND repository = $2"
                        " AND child = $3 AND kind = 3 AND archived = 0 ORDER BY parent LIMIT $4",
                        ref.registry, ref.repository, child, limit));
  std::vector<Digest> indexes;
  while (TRY(row.Next())) indexes.push_back(TRY(row.StoredDigest(0)));
  return indexes;
}

Result<bool> HasLink(sql::Session& session, std::int64_t registry, Bytes file_id, bool archived) {
  sql::Cursor row = TRY(
      session.Query("SELECT 1 FROM blob_links WHERE registry = $1 AND file_id = $2 AND archived = $3 LIMIT 1",
                    registry, file_id, archived ? 1 : 0));
  return row.Next();
}

Result<> AddStorageClassChange(WriteTransaction& transaction, RepositoryRef ref, const Digest& image) {
  TRY(
      transaction->Run("INSERT INTO storage_class_changes (registry, repository, digest, due, attempts)"
                       " VALUES ($1, $2, $3, $4, 0) ON CONFLICT (registry, repository, digest) DO UPDATE SET"
                       " due = excluded.due, attempts = 0",
                       ref.registry, ref.repository, image, transaction.store_time()));
  return {};
}

Result<std::vector<StorageClassChange>> ListStorageClassChanges(sql::Session& session, Timestamp now,
                                                                int limit) {
  sql::Cursor row = TRY(
      session.Query("SELECT registry, repository, digest, attempts FROM storage_class_changes WHERE due <= $1"
                    " ORDER BY due LIMIT $2",
                    now, limit));
  std::vector<StorageClassChange> changes;
  while (TRY(row.Next())) changes.push_back({{row.Int(0), row.Int(1)}, TRY(row.StoredDigest(2)), row.Int(3)});
  return changes;
}

Result<> PostponeStorageClassChange(WriteTransaction& transaction, const StorageClassChange& change,
                                    Timestamp due) {
  TRY(
      transaction->Run("UPDATE storage_class_changes SET due = $4, attempts = attempts + 1"
                       " WHERE registry = $1 AND repository = $2 AND digest = $3",
                       change.ref.registry, change.ref.repository, change.image, due));
  return {};
}

Result<> ForgetStorageClassChange(WriteTransaction& transaction, RepositoryRef ref, const Digest& image) {
  TRY(transaction->Run(
      "DELETE FROM storage_class_changes WHERE registry = $1 AND repository = $2 AND digest = $3",
      ref.registry, ref.repository, image));
  return {};
}

Result<> AddArchiveCandidate(WriteTransaction& transaction, std::int64_t registry, Bytes file_id,
                             Timestamp due) {
  TRY(transaction->Run(
      "INSERT INTO archive_candidates (registry, file_id, due, attempts) VALUES ($1, $2, $3, 0)"
      " ON CONFLICT (registry, file_id) DO UPDATE SET attempts = 0, due = CASE WHEN archive_candidates.due >"
      " excluded.due THEN archive_candidates.due ELSE excluded.due END",
      registry, file_id, due));
  return {};
}

Result<std::vector<ArchiveCandidate>> ListArchiveCandidates(sql::Session& session, Timestamp now, int limit) {
  sql::Cursor row = TRY(session.Query(
      "SELECT registry, file_id, due, attempts FROM archive_candidates WHERE due <= $1 ORDER BY due LIMIT $2",
      now, limit));
  std::vector<ArchiveCandidate> candidates;
  while (TRY(row.Next())) candidates.push_back({row.Int(0), row.Blob(1), row.Time(2), row.Int(3)});
  return candidates;
}

Result<> PostponeArchiveCandidate(WriteTransaction& transaction, const ArchiveCandidate& candidate,
                                  Timestamp due) {
  TRY(transaction->Run(
      "UPDATE archive_candidates SET due = $3, attempts = attempts + 1 WHERE registry = $1 AND file_id = $2",
      candidate.registry, candidate.file_id, due));
  return {};
}

Result<> DropArchiveCandidate(WriteTransaction& transaction, const ArchiveCandidate& candidate) {
  TRY(transaction->Run("DELETE FROM archive_candidates WHERE registry = $1 AND file_id = $2 AND due = $3",
                       candidate.registry, candidate.file_id, candidate.due));
  return {};
}

Result<std::vector<std::int64_t>> ListUnarchivedHolders(sql::Session& session, std::int64_t registry,
                                                        Bytes file_id, int limit) {
  sql::Cursor row = TRY(session.Query(
      "SELECT repository FROM blob_links WHERE registry = $1 AND file_id = $2 AND archived = 0 LIMIT $3",
      registry, file_id, limit));
  std::vector<std::int64_t> holders;
  while (TRY(row.Next())) holders.push_back(row.Int(0));
  return holders;
}

}  // namespace entrepot::metadata
