#include "metadata/uploads.h"

namespace entrepot::metadata {

Result<std::optional<UploadRow>> FindUpload(sql::Session& session, RepositoryRef ref, std::string_view id) {
  sql::Cursor row = TRY(session.Query(
      "SELECT state, principal, opened_at, expires_at, writer_epoch, received, parts, short_part, file_id,"
      " COALESCE(repository_key, 0), wrapped_key, sealed_state, digest FROM uploads"
      " WHERE registry = $1 AND repository = $2 AND id = $3",
      ref.registry, ref.repository, id));
  if (!TRY(row.Next())) return std::nullopt;
  UploadRow upload{.id = std::string(id),
                   .state = static_cast<UploadState>(row.Int(0)),
                   .principal = row.Text(1),
                   .opened_at = row.Time(2),
                   .expires_at = row.Time(3),
                   .writer_epoch = row.Int(4),
                   .received = row.Int(5),
                   .parts = row.Int(6),
                   .short_part = row.Int(7),
                   .file_id = row.OptionalBlob(8),
                   .key = {row.Int(9), row.OptionalBlob(10).value_or(ByteVector{})},
                   .sealed_state = row.OptionalBlob(11).value_or(ByteVector{}),
                   .digest = std::nullopt};
  if (!row.IsNull(12)) upload.digest = TRY(row.StoredDigest(12));
  return upload;
}

Result<bool> InsertUpload(WriteTransaction& transaction, RepositoryRef ref, const UploadRow& row) {
  const std::int64_t inserted = TRY(transaction->Run(
      "INSERT INTO uploads (registry, repository, id, state, principal, opened_at, expires_at, writer_epoch, "
      "received,"
      " parts, short_part, file_id, repository_key, wrapped_key, sealed_state, digest)"
      " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) ON CONFLICT DO "
      "NOTHING",
      ref.registry, ref.repository, row.id, static_cast<int>(row.state), row.principal, row.opened_at,
      row.expires_at, row.writer_epoch, row.received, row.parts, row.short_part, row.file_id,
      row.key.repository_key, row.key.bytes, row.sealed_state, row.digest));
  return inserted == 1;
}

Result<bool> FenceUpload(WriteTransaction& transaction, RepositoryRef ref, std::string_view id,
                         std::int64_t epoch) {
  const std::int64_t fenced = TRY(transaction->Run(
      "UPDATE uploads SET writer_epoch = writer_epoch + 1"
      " WHERE registry = $1 AND repository = $2 AND id = $3 AND writer_epoch = $4 AND state = 1",
      ref.registry, ref.repository, id, epoch));
  return fenced == 1;
}

Result<bool> CheckpointUpload(WriteTransaction& transaction, RepositoryRef ref, const UploadRow& row) {
  const std::int64_t written = TRY(transaction->Run(
      "UPDATE uploads SET received = $5, parts = $6, short_part = $7, file_id = $8, repository_key = $9,"
      " wrapped_key = $10, sealed_state = $11"
      " WHERE registry = $1 AND repository = $2 AND id = $3 AND writer_epoch = $4 AND state = 1",
      ref.registry, ref.repository, row.id, row.writer_epoch, row.received, row.parts, row.short_part,
      row.file_id, row.key.repository_key, row.key.bytes, row.sealed_state));
  return written == 1;
}

Result<bool> KeepUploadProgress(WriteTransaction& transaction, RepositoryRef ref, const UploadRow& row) {
  const std::int64_t written = TRY(transaction->Run(
      "UPDATE uploads SET received = $5, parts = $6, short_part = $7, sealed_state = $8"
      " WHERE registry = $1 AND repository = $2 AND id = $3 AND writer_epoch = $4 AND state = 1",
      ref.registry, ref.repository, row.id, row.writer_epoch, row.received, row.parts, row.short_part,
      row.sealed_state));
  return written == 1;
}

Result<bool> EndUpload(WriteTransaction& transaction, RepositoryRef ref, std::string_view id,
                       std::int64_t epoch, UploadState state, const std::optional<Digest>& digest) {
  const std::int64_t ended = TRY(transaction->Run(
      "UPDATE uploads SET state = $5, digest = $6, file_id = NULL, wrapped_key = NULL, sealed_state = NULL"
      " WHERE registry = $1 AND repository = $2 AND id = $3 AND writer_epoch = $4 AND state = 1",
      ref.registry, ref.repository, id, epoch, static_cast<int>(state), digest));
  return ended == 1;
}

Result<bool> AnyUploadDue(sql::Session& session, Timestamp now) {
  sql::Cursor row = TRY(session.Query("SELECT 1 FROM uploads WHERE expires_at <= $1 LIMIT 1", now));
  return row.Next();
}

Result<std::vector<ByteVector>> ExpireUploads(WriteTransaction& transaction, int limit) {
  struct Due {
    RepositoryRef ref;
    std::string id;
  };
  std::vector<Due> due;
  std::vector<ByteVector> files;
  {
    sql::Cursor row =
        TRY(transaction->Query("SELECT registry, repository, id, file_id FROM uploads WHERE expires_at <= $1 "
                               "ORDER BY expires_at LIMIT $2",
                               transaction.store_time(), limit));
    while (TRY(row.Next())) {
      due.push_back({{row.Int(0), row.Int(1)}, row.Text(2)});
      if (!row.IsNull(3)) files.push_back(row.Blob(3));
    }
  }
  for (const Due& upload : due)
    TRY(transaction->Run("DELETE FROM uploads WHERE registry = $1 AND repository = $2 AND id = $3",
                         upload.ref.registry, upload.ref.repository, upload.id));
  return files;
}

}  // namespace entrepot::metadata
