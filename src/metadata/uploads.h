#pragma once

// Rows of upload sessions: what survives a crash of a body on its way in (design-storage 1.2 to 1.4).

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "metadata/blobs.h"

namespace entrepot::metadata {

enum class UploadState : std::int8_t { kOpen = 1, kCompleted = 2, kCancelled = 3, kFailed = 4 };

struct UploadRow {
  std::string id;
  UploadState state = UploadState::kOpen;
  std::string principal;
  Timestamp opened_at;
  Timestamp expires_at;  // store time
  std::int64_t writer_epoch = 0;
  std::int64_t received = 0;
  std::int64_t parts = 0;
  std::int64_t short_part = 0;  // registry/upload_session.cc
  std::optional<ByteVector> file_id;
  WrappedKey key;
  ByteVector sealed_state;
  std::optional<Digest> digest;
};

Result<std::optional<UploadRow>> FindUpload(sql::Session& session, RepositoryRef ref, std::string_view id);
/// Inserts the row when the id is new; false when it is there already.
Result<bool> InsertUpload(WriteTransaction& transaction, RepositoryRef ref, const UploadRow& row);
/// Takes the session over: raises its writer epoch from `epoch` to `epoch` + 1. False when it is no longer
/// open or another writer was faster.
Result<bool> FenceUpload(WriteTransaction& transaction, RepositoryRef ref, std::string_view id,
                         std::int64_t epoch);
/// Writes an open session's progress with its file and wrapped key, under its writer epoch. False when that
/// is no longer the writer's.
Result<bool> CheckpointUpload(WriteTransaction& transaction, RepositoryRef ref, const UploadRow& row);
/// The same of a session whose row names its file and key: neither is written again, nor are their indexes.
Result<bool> KeepUploadProgress(WriteTransaction& transaction, RepositoryRef ref, const UploadRow& row);
/// Ends an open session under its epoch; forgets its file, key and state. False when it is not open or fenced
/// off.
Result<bool> EndUpload(WriteTransaction& transaction, RepositoryRef ref, std::string_view id,
                       std::int64_t epoch, UploadState state, const std::optional<Digest>& digest);
/// Whether any session's time is over.
Result<bool> AnyUploadDue(sql::Session& session, Timestamp now);
/// Forgets sessions whose time is over; returns the files that open ones held, to be unlinked after the
/// commit (a crash before that leaves them to the sweep of files that no row names, design-storage 1.12).
Result<std::vector<ByteVector>> ExpireUploads(WriteTransaction& transaction, int limit);

}  // namespace entrepot::metadata
