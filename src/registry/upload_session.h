#pragma once

// One upload session as this process holds it. Small bodies wait in memory; larger ones are in a file,
// checkpointed into the session's row (design-storage 1.2, 1.4).
//
// One request at a time holds a session (uploads.cc sees to that) and calls it. received() is for any thread.
//
// A checkpoint is begun ahead of the answer that needs it. Once a row names the file, the file keeps its own
// progress (blobs/progress.h) and the database is left in peace. What a row has to be written for is made by
// a worker while requests come and go: the writer takes more meanwhile, and what the worker found is the
// session's once a call of the holder takes it in.

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>

#include "base/pool.h"
#include "base/pool_task.h"
#include "blobs/blob_store.h"
#include "blobs/writer.h"
#include "keys/key_ring.h"
#include "metadata/store.h"
#include "metadata/uploads.h"
#include "registry/grace.h"
#include "registry/link_layer.h"
#include "registry/repository.h"
#include "registry/uploads.h"

namespace entrepot::registry {

/// What every session works with. Outlives them.
struct UploadContext {
  metadata::Store& store;
  blobs::BlobStore& files;
  keys::KeyRing& keys;
  const Grace& grace;
  ThreadPool& workers;
  ThreadPool& body_pool;
  std::uint64_t memory_limit;
  std::atomic<std::uint64_t> memory_used{0};
};

class UploadSession {
 public:
  UploadSession(UploadContext& context, const Repository& repository, UploadTicket ticket);
  ~UploadSession();

  const Repository& repository() const { return repository_; }
  const UploadTicket& ticket() const { return ticket_; }

  /// Bytes received so far. From any thread.
  std::uint64_t received() const;
  /// Microseconds (Clock::Elapsed) when a request last let go of it.
  std::chrono::microseconds idle_since{0};

  /// Reads the row, if there is one. kUploadNotFound when the session has ended otherwise than by its
  /// completion.
  Result<> Load();
  /// Of a session that was completed before.
  std::optional<Digest> completed() const { return completed_; }
  /// It has ended otherwise, and nothing of it is kept.
  bool gone() const { return gone_; }

  /// Takes in a small body, which is worked on behind the call's back where it goes to a file.
  Result<> Receive(http::Block body);
  /// A part of the API, in order, durable when this returns. kLimitExceeded.
  Result<> ReceivePart(Bytes part);
  /// Waits until little of what was received is still being written. An error falls back.
  Result<> WaitForRoom();
  /// The file's writer, for a body that streams; what waited in memory is in it.
  Result<blobs::BlobWriter*> Writer(bool sha512, std::uint64_t expected_size);
  /// The same without waiting: null where there is none yet, or the session has ended.
  blobs::BlobWriter* TryWriter();

  /// Makes the progress durable.
  Result<> Checkpoint();
  /// Before an answer: the same when 4 MiB or more came since the last time (design-storage 1.2). Falls back
  /// when that fails.
  Result<> CheckpointIfMuch();
  /// Whether neither that nor WaitForRoom has anything to do before an answer now. Never waits.
  bool MayAnswer();
  /// Begins one behind the caller's back when an answer will need it soon: one at `end`, where the chunk that
  /// is coming in ends, or one behind it; or when 5 s have passed (design-storage 1.2). Never blocks.
  void CheckpointAhead(std::optional<std::uint64_t> end);

  /// Ends the session: its content becomes a layer. `body` is the last of it, in memory. The content's digest
  /// must be among `digests` (kLayerDigestMismatch leaves the session as it was).
  Result<UploadedLayer> Complete(std::span<const Digest> digests, Bytes body);
  /// kEmptyUpload, kLayerPartTooSmall.
  Result<> RequireParts() const;
  Result<> Cancel();
  /// The same of a session that nobody knows of, and will ask for.
  Result<> Discard();

  /// After a failed write: back to the last checkpoint, or to the start.
  void FallBack();

 private:
  metadata::RepositoryRef ref() const;
  keys::UploadWrapContext WrapContext(Bytes file_id) const;
  ByteVector StateSubject() const;
  Error About(ErrorCode code) const;
  void ReleaseMemory();
  std::uint64_t unprotected() const {
    return received() - std::max(kept_, writer_ ? writer_->kept_ahead() : 0);
  }
  /// What the row has of the file.
  struct Kept {
    blobs::BlobIdentity identity;
    ByteVector state;
  };
  Result<Kept> OpenRow() const;
  std::uint64_t Reached() const;
  Result<metadata::UploadRow> Keep(metadata::UploadRow row, bool inserted,
                                   blobs::BlobWriter::Reach reach) const;
  Result<metadata::UploadRow> KeepProgress(metadata::UploadRow row, const keys::RepositoryKey& key,
                                           Bytes state) const;
  Result<> Adopt(Result<metadata::UploadRow> kept);
  Result<> EndCheckpointAhead();
  Result<> EnsureWriter(bool sha512, std::uint64_t expected_size);
  Result<> ResumeWriter(bool sha512);
  Result<NewFile> FinishFile(std::span<const Digest> digests, Bytes body);
  Result<> EndRow(metadata::WriteTransaction& transaction, metadata::UploadState state,
                  const std::optional<Digest>& digest);
  void MarkFailed();

  UploadContext& context_;
  const Repository repository_;
  const UploadTicket ticket_;

  bool loaded_ = false, gone_ = false;
  std::optional<Digest> completed_;
  std::string memory_;
  mutable std::mutex mutex_;  // of the pointer, for received()
  std::shared_ptr<blobs::BlobWriter> writer_;
  keys::DataKey data_key_;

  bool has_row_ = false;
  metadata::UploadRow row_;
  std::atomic<std::uint64_t> settled_{0};  // received, but for what the writer counts
  std::uint64_t kept_ = 0;                 // received, at the last checkpoint
  std::uint64_t begun_ = 0;                // the same when the last one began
  std::chrono::microseconds begun_at_{0};
  std::optional<PoolTask<Result<metadata::UploadRow>>> ahead_;
};

}  // namespace entrepot::registry
