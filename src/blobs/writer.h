#pragma once

// Writes one blob file: hashes and encrypts while the bytes arrive, takes checkpoints, and goes on after a
// crash.
//
// Threads: Append(Block) is called by the stream's owner (an event loop) and never blocks: two lanes on the
// given pool work on each block in order, one hashes, one encrypts and writes; the block is let go when both
// are done with it. Checkpoint and Finish are called by a worker of another pool and may wait for the lanes.
// Checkpoint may run beside Append and KeepAhead. Everything else is called by one thread at a time. Without
// a pool the caller's thread does all of it.
//
// Whose file is it: until the first Checkpoint returns, the writer's: it is unlinked with the writer. From
// then on the session's: it stays for Resume until Discard. After Finish it is the caller's, who publishes it
// or removes it (BlobStore::Remove, or Discard).
//
// After an error from a write (kStorageFull, kStorageFault) the writer is of no more use, and the session
// goes on from its last checkpoint by Resume, in a new segment. After an error from a sync the file is gone
// (design-storage 1.10) and resumable() is false: the upload ends.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "base/digest.h"
#include "base/pool.h"
#include "base/result.h"
#include "blobs/blob_store.h"
#include "blobs/chunk_writer.h"
#include "blobs/format.h"
#include "http/body.h"

namespace entrepot::blobs {

struct WriterOptions {
  /// Where the lanes run; null = on the caller's thread. Stopped only when its last writer has gone.
  ThreadPool* pool = nullptr;
  /// Compute SHA-512 as well while the bytes arrive.
  bool sha512 = false;
  /// How long the blob will be, 0 = unknown: only a hint for the size of buffers.
  std::uint64_t expected_size = 0;
  /// The session's fencing number; part of its checkpoints.
  std::int64_t writer_epoch = 0;
  SealHooks hooks;
};

struct FinishedBlob {
  FileId file;
  Digest digest;  // the first expected one; SHA-256 when none was given
  std::uint64_t size = 0;
  ByteVector layout;                      // for blobs.layout
  std::optional<ByteVector> row_content;  // for blobs.content, when there is no file (row_content.h)
};

class BlobWriter {
 public:
  /// Creates the file. `store` outlives the writer and the pool.
  static Result<std::unique_ptr<BlobWriter>> Begin(BlobStore& store, DomainId domain,
                                                   std::optional<SecretKey> data_key,
                                                   WriterOptions options = {});
  /// Opens the file, cuts it back to what the checkpoint or a later record in it (KeepAhead) knows, makes
  /// that durable, and goes on in a new segment. `identity` and the checkpoint come from the session;
  /// options.writer_epoch is the raised one (kUnavailable when it is not above the checkpoint's). SHA-512 is
  /// computed if the checkpoint has it. kDamaged when the file is absent, shorter than the checkpoint says,
  /// or another one.
  static Result<std::unique_ptr<BlobWriter>> Resume(BlobStore& store, BlobIdentity identity, Bytes checkpoint,
                                                    WriterOptions options = {});
  /// Up to where Resume would go on. kDamaged as there.
  static Result<std::uint64_t> Reached(BlobStore& store, const BlobIdentity& identity, Bytes checkpoint);
  BlobWriter(const BlobWriter&) = delete;
  ~BlobWriter();  // never blocks; work in progress ends by itself

  /// Errors show in failed(), and in the next Checkpoint or Finish.
  void Append(http::Block block);
  /// For bytes already in memory: returns when they were taken in.
  Result<> Append(Bytes bytes);
  /// Waits until at most `bytes` of those appended are still being worked on. The first error, if any.
  Result<> WaitForRoom(std::uint64_t bytes);
  /// Whether that would neither wait nor fail now. From any thread.
  bool HasRoom(std::uint64_t bytes) const;

  /// Going on is useless. From any thread.
  bool failed() const noexcept;
  /// False once a sync failed: the session ends.
  bool resumable() const noexcept;
  /// Bytes appended so far, those of before a Resume included. From any thread.
  std::uint64_t received() const noexcept;
  /// The SHA-256 of everything appended. Waits for the lanes.
  Result<Digest> ComputedDigest();
  const FileId& file() const;

  struct Checkpointed {
    ByteVector
        state;  // for Resume. Holds content: the caller seals it before it is stored (design-storage 1.2)
    std::uint64_t received = 0;
  };
  /// What a checkpoint is of: of everything appended before it, which waits for the lanes, and keeps the last
  /// chunk, which is not in the file yet, in the state; or of what the lanes have hashed and written as it
  /// is, behind the last full run of chunks. That waits for nothing, and its state is small: one byte of the
  /// next chunk, with which a writer can go on too. When no run was filled since the last one, it is of
  /// everything.
  enum class Reach { kEverything, kWritten };
  /// Durable in the file or in the state when it returns.
  Result<Checkpointed> Checkpoint(Reach reach = Reach::kEverything);
  /// Begins a checkpoint of what the lanes have hashed and written whose state is kept in the file itself
  /// (progress.h), where Resume from an older state finds it. The write lane makes it between two writes.
  /// False when one is being made or none can be: there has to be a Checkpoint before. Never blocks.
  bool KeepAhead();
  /// Received, at the last of those that was made; 0 before. From any thread.
  std::uint64_t kept_ahead() const noexcept;
  /// Waits for one that is being made.
  void WaitKept();

  /// Ends the blob: compares every expected digest (before the final chunk is written; one of an algorithm
  /// that was not computed costs reading the file once), writes the rest, syncs file and entry.
  /// kLayerDigestMismatch (facts: digest, expected) leaves the writer as it was. After any other error only
  /// Resume or Discard makes sense.
  Result<FinishedBlob> Finish(std::span<const Digest> expected = {});

  /// Unlinks the file. Waits for the lanes.
  void Discard();

 private:
  class Stream;
  explicit BlobWriter(std::shared_ptr<Stream> stream);
  std::shared_ptr<Stream> stream_;
};

/// A blob that is in memory: hashes, encrypts, one write, one sync and a shared directory sync, on this
/// thread.
Result<FinishedBlob> WriteBlob(BlobStore& store, DomainId domain, std::optional<SecretKey> data_key,
                               Bytes content, std::span<const Digest> expected = {});

}  // namespace entrepot::blobs
