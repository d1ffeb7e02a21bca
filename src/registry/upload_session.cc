#include "registry/upload_session.h"

#include <algorithm>

#include "base/log.h"
#include "blobs/row_content.h"
#include "registry/link_layer.h"
#include "registry/refs.h"

namespace entrepot::registry {
namespace {

constexpr std::uint64_t kCheckpointBytes = 4u << 20;  // no answer leaves as much unprotected
constexpr std::uint64_t kAheadBytes = 3u << 20;       // from here on a checkpoint is begun ahead
constexpr std::chrono::seconds kCheckpointTime{5};
constexpr std::size_t kMemoryBody = 1 << 20;       // what may wait for its PUT in memory
constexpr std::int64_t kMaxParts = 4200;           // ecr-semantics 9
constexpr std::size_t kMinPart = 5 * 1024 * 1024;  // of every part but the last
constexpr std::uint64_t kMostBehind = 4u << 20;    // answered for and not yet written
constexpr std::string_view kStatePurpose = "upload state";

// What uploads.short_part holds.
enum ShortPart : std::int64_t { kNone = 0, kLast = 1, kInTheMiddle = 2 };

}  // namespace

UploadSession::UploadSession(UploadContext& context, const Repository& repository, UploadTicket ticket)
    : context_(context), repository_(repository), ticket_(std::move(ticket)) {
  row_.id = ticket_.id;
  row_.principal = ticket_.principal;
  row_.opened_at = ticket_.opened_at;
}

UploadSession::~UploadSession() {
  (void)EndCheckpointAhead();
  ReleaseMemory();
}

metadata::RepositoryRef UploadSession::ref() const { return RefOf(repository_); }

keys::UploadWrapContext UploadSession::WrapContext(Bytes file_id) const {
  return {repository_.domain, file_id, ticket_.id};
}

// Not the row's epoch, which a resume raises before there is a newer state: the state tells its own.
ByteVector UploadSession::StateSubject() const { return Framed({AsBytes(ticket_.id)}); }

Error UploadSession::About(ErrorCode code) const {
  return registry::About(repository_, code).With("upload", ticket_.id);
}

std::uint64_t UploadSession::received() const {
  std::lock_guard lock(mutex_);
  return writer_ ? writer_->received() : settled_.load();
}

Result<> UploadSession::Load() {
  if (gone_) return Fail(About(ErrorCode::kUploadNotFound));
  if (loaded_) return {};
  auto row = TRY(context_.store.Read(
      [&](metadata::sql::Session& session) { return metadata::FindUpload(session, ref(), ticket_.id); }));
  loaded_ = true;
  has_row_ = row.has_value();
  settled_ = kept_ = begun_ = 0;
  if (!row) return {};
  if (row->state == metadata::UploadState::kCancelled || row->state == metadata::UploadState::kFailed) {
    gone_ = true;
    return Fail(About(ErrorCode::kUploadNotFound));
  }
  completed_ = row->digest;
  row_ = std::move(*row);
  settled_ = kept_ = begun_ = Reached();
  return {};
}

Result<UploadSession::Kept> UploadSession::OpenRow() const {
  const keys::RepositoryKey key = TRY(context_.keys.Get(KeyRefOf(repository_), row_.key.repository_key));
  keys::DataKey data_key = TRY(key.Unwrap(row_.key.bytes, WrapContext(*row_.file_id)));
  const blobs::FileId file = TRY(blobs::FileId::FromBytes(*row_.file_id));
  return Kept{{file, DomainOf(repository_), std::move(data_key)},
              TRY(key.Open(kStatePurpose, StateSubject(), row_.sealed_state))};
}

/// How far the row and the file's own records say that the session is. What cannot be read is told by whoever
/// goes on from it.
std::uint64_t UploadSession::Reached() const {
  if (row_.file_id && !completed_)
    if (const Result<Kept> kept = OpenRow())
      if (const auto reached = blobs::BlobWriter::Reached(context_.files, kept->identity, kept->state))
        return *reached;
  return static_cast<std::uint64_t>(row_.received);
}

void UploadSession::ReleaseMemory() {
  context_.memory_used -= memory_.size();
  memory_ = {};
}

Result<> UploadSession::Receive(http::Block block) {
  const Bytes body = block.bytes();
  const bool in_memory = !writer_ && !(has_row_ && row_.file_id);
  if (in_memory && memory_.size() + body.size() <= kMemoryBody &&
      context_.memory_used.load() + body.size() <= context_.memory_limit) {
    context_.memory_used += body.size();
    memory_.append(AsText(body));
    settled_ = memory_.size();
    return {};
  }
  TRY(EnsureWriter(false, 0));
  writer_->Append(std::move(block));
  return WaitForRoom();
}

Result<> UploadSession::WaitForRoom() {
  if (!writer_) return {};
  Result<> room = writer_->WaitForRoom(kMostBehind);
  if (!room) FallBack();
  return room;
}

Result<> UploadSession::ReceivePart(Bytes part) {
  if (row_.parts >= kMaxParts)
    return Fail(About(ErrorCode::kLimitExceeded).With("detail", "a layer is uploaded in at most 4200 parts"));
  TRY(EnsureWriter(false, 0));
  Result<> kept = writer_->Append(part);
  if (kept) {
    ++row_.parts;
    if (row_.short_part == kLast) row_.short_part = kInTheMiddle;
    if (row_.short_part == kNone && part.size() < kMinPart) row_.short_part = kLast;
    kept = Checkpoint();
  }
  if (!kept) FallBack();  // a part that was refused is sent again
  return kept;
}

Result<> UploadSession::RequireParts() const {
  if (row_.parts == 0) return Fail(About(ErrorCode::kEmptyUpload));
  if (row_.short_part == kInTheMiddle) return Fail(About(ErrorCode::kLayerPartTooSmall));
  return {};
}

Result<blobs::BlobWriter*> UploadSession::Writer(bool sha512, std::uint64_t expected_size) {
  TRY(EnsureWriter(sha512, expected_size));
  return writer_.get();
}

blobs::BlobWriter* UploadSession::TryWriter() {
  return loaded_ && !gone_ && !completed_ ? writer_.get() : nullptr;
}

Result<> UploadSession::EnsureWriter(bool sha512, std::uint64_t expected_size) {
  if (writer_) return {};
  sha512 = sha512 || ticket_.algorithm == HashAlgorithm::kSha512;
  if (has_row_ && row_.file_id) return ResumeWriter(sha512);
  data_key_ = context_.keys.NewDataKey();
  const blobs::WriterOptions options{.pool = &context_.body_pool,
                                     .sha512 = sha512,
                                     .expected_size = expected_size,
                                     .writer_epoch = row_.writer_epoch};
  std::shared_ptr<blobs::BlobWriter> writer =
      TRY(blobs::BlobWriter::Begin(context_.files, DomainOf(repository_), data_key_, options));
  if (!memory_.empty()) TRY(writer->Append(AsBytes(memory_)));
  ReleaseMemory();
  std::lock_guard lock(mutex_);
  writer_ = std::move(writer);
  begun_at_ = context_.store.clock().Elapsed();
  return {};
}

Result<> UploadSession::ResumeWriter(bool sha512) {
  const std::int64_t epoch = row_.writer_epoch;
  const bool fenced = TRY(context_.store.Write([&](metadata::WriteTransaction& transaction) {
    return metadata::FenceUpload(transaction, ref(), ticket_.id, epoch);
  }));
  if (!fenced) {
    gone_ = true;  // another process has it
    return Fail(About(ErrorCode::kUploadNotFound));
  }
  row_.writer_epoch = epoch + 1;
  const Kept kept = TRY(OpenRow());
  data_key_ = kept.identity.data_key;
  const blobs::WriterOptions options{
      .pool = &context_.body_pool, .sha512 = sha512, .writer_epoch = row_.writer_epoch};
  Result<std::unique_ptr<blobs::BlobWriter>> writer =
      blobs::BlobWriter::Resume(context_.files, kept.identity, kept.state, options);
  if (!writer) {
    if (writer.error().code() == ErrorCode::kDamaged) {
      log::Error("an upload cannot be resumed",
                 {{"upload", ticket_.id}, {"error", writer.error().ToString()}});
      MarkFailed();
      return Fail(About(ErrorCode::kUploadNotFound));
    }
    loaded_ = false;  // the row's epoch has moved on
    return Fail(std::move(writer).error());
  }
  if ((*writer)->received() != settled_) {  // who asks again is told where it stands
    loaded_ = false;
    return Fail(ErrorCode::kStorageFault, "how far an upload has come was read differently twice");
  }
  std::lock_guard lock(mutex_);
  writer_ = std::move(*writer);
  begun_at_ = context_.store.clock().Elapsed();
  return {};
}

void UploadSession::CheckpointAhead(std::optional<std::uint64_t> end) {
  const std::uint64_t came = received() - begun_;
  const std::chrono::microseconds now = context_.store.clock().Elapsed();
  const bool late = now - begun_at_ >= kCheckpointTime && came > 0;
  const bool soon = end && came >= kAheadBytes && *end - received() < kCheckpointBytes;
  if (!late && !soon) return;
  if (!late && row_.file_id && !gone_) {
    if (!writer_->KeepAhead()) return;
    begun_ += came;
    begun_at_ = now;
    return;
  }
  if (ahead_ && !ahead_->done()) return;
  if (!EndCheckpointAhead() || completed_ || gone_) return;
  ahead_ = PoolTask<Result<metadata::UploadRow>>::Start(
      context_.workers, [this, row = row_, inserted = has_row_]() mutable {
        Result<metadata::UploadRow> kept = Keep(std::move(row), inserted, blobs::BlobWriter::Reach::kWritten);
        if (!kept) log::Warning("a checkpoint in mid-upload failed", {{"error", kept.error().ToString()}});
        return kept;
      });
  if (!ahead_) return;
  begun_ += came;
  begun_at_ = now;
}

Result<> UploadSession::EndCheckpointAhead() {
  if (!ahead_) return {};
  std::optional<Result<metadata::UploadRow>> kept = std::exchange(ahead_, std::nullopt)->Take();
  return kept ? Adopt(*std::move(kept)) : Result<>();
}

Result<> UploadSession::CheckpointIfMuch() {
  if (unprotected() < kCheckpointBytes) return {};
  (void)EndCheckpointAhead();  // its error is the next one's, or has passed
  if (writer_) writer_->WaitKept();
  if (!gone_ && unprotected() < kCheckpointBytes) return {};
  Result<> kept = gone_ ? Fail(About(ErrorCode::kUploadNotFound)) : Checkpoint();
  if (!kept) FallBack();
  return kept;
}

bool UploadSession::MayAnswer() {
  if (ahead_ && ahead_->done()) (void)EndCheckpointAhead();  // as CheckpointIfMuch
  return !gone_ && unprotected() < kCheckpointBytes && (!writer_ || writer_->HasRoom(kMostBehind));
}

Result<> UploadSession::Checkpoint() {
  (void)EndCheckpointAhead();
  if (completed_ || gone_) return {};
  if (!writer_) TRY(EnsureWriter(false, 0));
  begun_ = received();
  begun_at_ = context_.store.clock().Elapsed();
  Result<> kept = Adopt(Keep(row_, has_row_, blobs::BlobWriter::Reach::kEverything));
  if (!kept && writer_ && writer_->failed()) FallBack();  // it failed behind an answer, and is of no more use
  return kept;
}

/// The row as it is once the writer's progress is durable. Beside everything that does not change the writer.
Result<metadata::UploadRow> UploadSession::Keep(metadata::UploadRow row, bool inserted,
                                                blobs::BlobWriter::Reach reach) const {
  const blobs::BlobWriter::Checkpointed point = TRY(writer_->Checkpoint(reach));
  row.received = static_cast<std::int64_t>(point.received);
  if (row.file_id)
    if (const auto key = context_.keys.Get(KeyRefOf(repository_), row.key.repository_key))
      return KeepProgress(std::move(row), *key, point.state);
  row.file_id = ToVector(writer_->file().bytes());
  const auto written = context_.store.Write([&](metadata::WriteTransaction& transaction) -> Result<bool> {
    TRY(RequireRepository(transaction, repository_));  // before its key: nothing sweeps that twice
    const keys::RepositoryKey key = TRY(context_.keys.Current(transaction, KeyRefOf(repository_)));
    row.key = {key.id(), key.Wrap(data_key_, WrapContext(*row.file_id))};
    row.sealed_state = key.Seal(kStatePurpose, StateSubject(), point.state);
    if (inserted) return metadata::CheckpointUpload(transaction, ref(), row);
    row.expires_at = transaction.store_time() + kUploadLifetime;
    return metadata::InsertUpload(transaction, ref(), row);
  });
  if (!TRY(written)) return Fail(About(ErrorCode::kUploadNotFound));  // fenced off, cancelled or expired
  return row;
}

/// The same when the row names the file already: the rest of it stays as it is, the wrapped data key too.
Result<metadata::UploadRow> UploadSession::KeepProgress(metadata::UploadRow row,
                                                        const keys::RepositoryKey& key, Bytes state) const {
  row.sealed_state = key.Seal(kStatePurpose, StateSubject(), state);
  const bool written = TRY(context_.store.Write([&](metadata::WriteTransaction& transaction) {
    return metadata::KeepUploadProgress(transaction, ref(), row);
  }));
  if (!written) return Fail(About(ErrorCode::kUploadNotFound));
  return row;
}

Result<> UploadSession::Adopt(Result<metadata::UploadRow> kept) {
  if (!kept) {
    const ErrorCode code = kept.error().code();
    const bool over = code == ErrorCode::kUploadNotFound || code == ErrorCode::kRepositoryNotFound;
    gone_ = gone_ || over;
    if (over && writer_ && !row_.file_id) writer_->Discard();  // no row ever named the file
    return Fail(std::move(kept).error());
  }
  has_row_ = true;
  row_ = *std::move(kept);
  row_.sealed_state = {};  // the store has it, and whoever resumes reads it there
  kept_ = static_cast<std::uint64_t>(row_.received);
  return {};
}

void UploadSession::FallBack() {
  (void)EndCheckpointAhead();
  std::shared_ptr<blobs::BlobWriter> writer;
  {
    std::lock_guard lock(mutex_);
    writer = std::move(writer_);
    writer_ = nullptr;
    loaded_ = false;
    settled_ = 0;
  }
  ReleaseMemory();
  if (!writer) return;
  writer->WaitKept();  // what a lane still writes would be written over whoever goes on
  (void)writer->WaitForRoom(0);
  // Without a row that names the file nobody can go on with it. After a commit of unknown outcome there may
  // be one: the next start knows.
  if ((!row_.file_id && !context_.store.broken()) || !writer->resumable()) writer->Discard();
  if (!writer->resumable()) MarkFailed();
}

void UploadSession::MarkFailed() {
  gone_ = true;
  if (!has_row_) return;
  const Result<> ended = context_.store.Write([&](metadata::WriteTransaction& transaction) -> Result<> {
    return EndRow(transaction, metadata::UploadState::kFailed, std::nullopt);
  });
  if (!ended) log::Warning("a failed upload could not be marked", {{"upload", ticket_.id}});
}

// Ends the row, or makes one that says so: a repeated request then gets the same answer.
Result<> UploadSession::EndRow(metadata::WriteTransaction& transaction, metadata::UploadState state,
                               const std::optional<Digest>& digest) {
  bool ended;
  if (has_row_) {
    ended = TRY(metadata::EndUpload(transaction, ref(), ticket_.id, row_.writer_epoch, state, digest));
  } else {
    metadata::UploadRow row = row_;
    row.state = state;
    row.digest = digest;
    row.expires_at = transaction.store_time() + kUploadLifetime;
    ended = TRY(metadata::InsertUpload(transaction, ref(), row));
  }
  if (!ended) return Fail(About(ErrorCode::kUploadNotFound));
  return {};
}

Result<NewFile> UploadSession::FinishFile(std::span<const Digest> digests, Bytes body) {
  const bool in_memory = !writer_ && !(has_row_ && row_.file_id);
  std::optional<Error> mismatch;
  if (in_memory) {
    std::string joined;
    if (!memory_.empty()) body = AsBytes(joined.append(memory_).append(AsText(body)));
    for (const Digest& digest : digests) {
      if (Digest::Of(digest.algorithm(), body) != digest) continue;
      const keys::DataKey data_key = context_.keys.NewDataKey();
      if (body.size() <= blobs::kMaxRowContent)
        return NewFile{
            blobs::SealRowContent({context_.files.NewRowId(), DomainOf(repository_), data_key}, body, digest),
            data_key};
      return NewFile{
          TRY(blobs::WriteBlob(context_.files, DomainOf(repository_), data_key, body, {&digest, 1})),
          data_key};
    }
    return Fail(About(ErrorCode::kLayerDigestMismatch)
                    .With("digest", Digest::Of(digests.front().algorithm(), body).ToString())
                    .With("expected", digests.front().ToString()));
  }
  TRY(EnsureWriter(false, 0));
  if (!body.empty()) TRY(writer_->Append(body));
  for (const Digest& digest : digests) {
    Result<blobs::FinishedBlob> finished = writer_->Finish({&digest, 1});
    if (finished) return NewFile{std::move(*finished), data_key_};
    if (finished.error().code() != ErrorCode::kLayerDigestMismatch) return Fail(std::move(finished).error());
    if (!mismatch) mismatch = std::move(finished).error();
  }
  return Fail(std::move(*mismatch)
                  .With("upload", ticket_.id)
                  .With("repository", repository_.name.str())
                  .With("account", repository_.registry.account.str()));
}

Result<UploadedLayer> UploadSession::Complete(std::span<const Digest> digests, Bytes body) {
  (void)EndCheckpointAhead();
  Result<NewFile> file = FinishFile(digests, body);
  if (!file) {
    if (file.error().code() != ErrorCode::kLayerDigestMismatch) FallBack();
    return Fail(std::move(file).error());
  }
  const Digest digest = file->blob.digest;
  const auto size = static_cast<std::int64_t>(file->blob.size);
  const Result<bool> existed =
      PublishLayer(context_.store, context_.files, context_.keys, repository_, *file, context_.grace.hold(),
                   [&](metadata::WriteTransaction& transaction) {
                     return EndRow(transaction, metadata::UploadState::kCompleted, digest);
                   });
  if (!existed) {
    // The file is gone, or its fate is the sweep's: the session cannot go on from it.
    MarkFailed();
    return Fail(existed.error());
  }
  completed_ = digest;
  ReleaseMemory();
  return UploadedLayer{digest, size, *existed};
}

Result<> UploadSession::Cancel() {
  (void)EndCheckpointAhead();
  TRY(context_.store.Write([&](metadata::WriteTransaction& transaction) -> Result<> {
    return EndRow(transaction, metadata::UploadState::kCancelled, std::nullopt);
  }));
  gone_ = true;
  ReleaseMemory();
  if (!writer_ && has_row_ && row_.file_id) {
    const blobs::FileId file = TRY(blobs::FileId::FromBytes(*row_.file_id));
    return context_.files.Remove(file);
  }
  if (writer_) writer_->Discard();
  return {};
}

Result<> UploadSession::Discard() {
  (void)EndCheckpointAhead();
  if (has_row_) return Cancel();
  gone_ = true;
  ReleaseMemory();
  if (writer_) writer_->Discard();
  return {};
}

}  // namespace entrepot::registry
