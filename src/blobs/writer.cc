#include "blobs/writer.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <iterator>
#include <latch>
#include <mutex>

#include "base/check.h"
#include "blobs/checkpoint.h"
#include "blobs/stream_hash.h"

namespace entrepot::blobs {
namespace {

std::unexpected<Error> Mismatch(const Digest& computed, const Digest& expected) {
  return Fail(Error(ErrorCode::kLayerDigestMismatch)
                  .With("digest", computed.ToString())
                  .With("expected", expected.ToString()));
}

/// The checkpoint's file, cut back to what the checkpoint knows of it.
Result<std::shared_ptr<File>> OpenAt(BlobStore& store, const BlobIdentity& identity,
                                     const Checkpoint& checkpoint) {
  const std::string name = identity.file.name();
  const std::shared_ptr<File> file = TRY(store.Open(identity.file, Access::kReadWrite));
  if (!file) return Fail(ErrorCode::kDamaged, "the upload's file " + name + " is gone");
  const std::uint64_t chunks = checkpoint.settled / ChunkContent(identity.suite());
  const std::uint64_t length = chunks == 0 ? 0 : ChunkOffset(chunks);
  if (TRY(Lift(file->Status(), name)).size < length)
    return Fail(ErrorCode::kDamaged, "the upload's file " + name + " is shorter than its checkpoint");
  if (chunks > 0) {
    Header header;
    TRY(Lift(ReadFully(*file, 0, header), name));
    TRY(CheckHeader(header, identity, checkpoint.layout.segments.front().salt));
  }
  TRY(Lift(file->Truncate(length), name));
  return file;
}

}  // namespace

/// The writer's state, kept alive by the jobs of its lanes. hash_ belongs to the hash lane and chunks_ to the
/// write lane, but for what never changes in them; other threads touch them when the lanes are idle.
class BlobWriter::Stream : public std::enable_shared_from_this<BlobWriter::Stream> {
 public:
  enum class Owner { kWriter, kSession, kCaller };

  Stream(BlobStore& store, std::shared_ptr<File> file, ChunkWriter chunks, StreamHash hash, FileId id,
         Owner owner, const WriterOptions& options)
      : store_(store),
        file_(std::move(file)),
        id_(id),
        writer_epoch_(options.writer_epoch),
        chunks_(std::move(chunks)),
        hash_(std::move(hash)),
        written_(chunks_.written()),
        received_(chunks_.received()),
        owner_(owner),
        entry_synced_(owner == Owner::kSession) {
    if (options.pool == nullptr) return;
    hash_lane_.queue.emplace(*options.pool);
    write_lane_.queue.emplace(*options.pool);
  }

  ~Stream() {
    if (owner_ == Owner::kWriter) (void)store_.Remove(id_);
  }

  void Append(http::Block block) {
    const auto shared = std::make_shared<http::Block>(std::move(block));
    std::lock_guard order(order_);
    const std::size_t size = shared->bytes().size();
    received_ += size;
    Post(hash_lane_, size, [this, shared] { Hash(shared->bytes()); });
    Post(write_lane_, size, [this, shared] { Write(shared->bytes()); });
  }

  Result<> Append(Bytes bytes) {
    {
      std::lock_guard order(order_);
      received_ += bytes.size();
      Post(hash_lane_, bytes.size(), [this, bytes] { Hash(bytes); });
      Post(write_lane_, bytes.size(), [this, bytes] { Write(bytes); });
    }
    return WaitIdle();
  }

  Result<> WaitForRoom(std::uint64_t bytes) {
    std::unique_lock lock(mutex_);
    while (behind() > bytes) {
      awaited_ = std::max(awaited_, bytes);
      room_.wait(lock);
    }
    if (error_) return Fail(*error_);
    return {};
  }

  bool HasRoom(std::uint64_t bytes) const {
    std::lock_guard lock(mutex_);
    return !error_ && behind() <= bytes;
  }

  Result<Checkpointed> Checkpoint(Reach reach) {
    std::lock_guard control(control_);
    TRY(CheckOpen());
    blobs::Checkpoint checkpoint(id_);
    checkpoint.writer_epoch = writer_epoch_;
    if (reach == Reach::kEverything || !TRY(CaptureWritten(checkpoint))) TRY(Capture(checkpoint));
    TRY(Sync());
    owner_ = Owner::kSession;
    const std::uint64_t received = checkpoint.settled + checkpoint.tail.size();
    Checkpointed done{checkpoint.Encode(), received};
    Wipe(checkpoint.tail);
    return done;
  }

  Result<Digest> ComputedDigest() {
    std::lock_guard control(control_);
    TRY(WaitIdle());
    return *hash_.Value(HashAlgorithm::kSha256);
  }

  Result<FinishedBlob> Finish(std::span<const Digest> expected) {
    std::lock_guard control(control_);
    TRY(CheckOpen());
    TRY(WaitIdle());
    for (const Digest& digest : expected) TRY(Compare(digest));
    TRY(Note(chunks_.WriteFinal()));
    TRY(Sync());
    ended_ = true;
    owner_ = Owner::kCaller;
    const Digest digest = expected.empty() ? *hash_.Value(HashAlgorithm::kSha256) : expected.front();
    return FinishedBlob{id_, digest, chunks_.received(), chunks_.layout().Encode()};
  }

  void Discard() {
    std::lock_guard control(control_);
    (void)WaitIdle();
    ended_ = true;
    Remove();
  }

  /// The writer has gone: what is still queued is not worth doing, and this ends on the pool.
  static void Abandon(std::shared_ptr<Stream> stream) {
    stream->abandoned_ = true;
    if (!stream->write_lane_.queue) return;
    SerialQueue lane = *stream->write_lane_.queue;
    lane.Post([last = std::move(stream)] {});
  }

  bool failed() const { return failed_; }
  bool resumable() const { return resumable_; }
  std::uint64_t received() const { return received_; }
  const FileId& id() const { return id_; }

 private:
  struct Lane {
    std::optional<SerialQueue> queue;  // none: the caller's thread
    std::uint64_t pending = 0;         // bytes; under mutex_
  };

  /// Counts a job on `size` bytes in; counts it out when it has been destroyed.
  template <class Work>
  void Post(Lane& lane, std::size_t size, Work work) {
    auto run = [this, work = std::move(work)] {
      if (!failed_ && !abandoned_) work();
    };
    if (!lane.queue) return run();
    {
      std::lock_guard lock(mutex_);
      lane.pending += size;
    }
    lane.queue->Post([self = shared_from_this(), &lane, size, run = std::optional(std::move(run))]() mutable {
      (*run)();
      run.reset();  // lets the block go before Finish may see the lanes idle
      self->CountOut(lane, size);
    });
  }

  void CountOut(Lane& lane, std::size_t size) {
    {
      std::lock_guard lock(mutex_);
      lane.pending -= size;
      if (behind() > awaited_) return;  // nobody has waited for as little
      awaited_ = 0;
    }
    room_.notify_all();
  }

  std::uint64_t behind() const { return std::max(hash_lane_.pending, write_lane_.pending); }

  Result<> WaitIdle() { return WaitForRoom(0); }

  Result<> CheckOpen() {
    if (ended_) return Fail(ErrorCode::kUnavailable, "the upload's writer has ended");
    return {};
  }

  /// Remembers the first error.
  Result<> Note(Result<> outcome) {
    if (outcome) return outcome;
    std::lock_guard lock(mutex_);
    if (!error_) error_ = outcome.error();
    failed_ = true;
    return outcome;
  }

  void Hash(Bytes bytes) {
    hash_.Update(bytes);
    std::vector<StreamHash::Mark> passed = hash_.TakeMarks();
    if (passed.empty()) return;
    std::lock_guard lock(mutex_);
    std::ranges::move(passed, std::back_inserter(marks_));
    while (marks_.size() > 1 && marks_[1].settled <= written_) marks_.pop_front();
  }

  void Write(Bytes bytes) {
    if (Note(chunks_.Append(bytes))) TellWritten();
  }

  /// By the write lane, which alone changes it.
  void TellWritten() {
    if (chunks_.written() == written_) return;
    std::lock_guard lock(mutex_);
    written_ = chunks_.written();
  }

  /// The last end of a run that both lanes have passed; false when a checkpoint stands there.
  Result<bool> CaptureWritten(blobs::Checkpoint& checkpoint) {
    std::lock_guard lock(mutex_);
    if (error_) return Fail(*error_);
    std::optional<StreamHash::Mark> last;
    for (; !marks_.empty() && marks_.front().settled <= written_; marks_.pop_front())
      last = std::move(marks_.front());
    if (!last) return false;
    checkpoint.settled = last->settled;
    checkpoint.hash_states = std::move(last->states);
    checkpoint.tail = {last->next};
    checkpoint.layout = chunks_.layout();  // it is the same for a writer's whole life
    return true;
  }

  /// The state of both lanes at one point of the stream; everything settled is in the file then.
  Result<> Capture(blobs::Checkpoint& checkpoint) {
    const auto captured = std::make_shared<std::latch>(2);  // a lane may still be in it when this has gone on
    const auto mark = [&](Lane& lane, auto work) {
      auto run = [work, captured] {
        work();
        captured->count_down();
      };
      if (lane.queue)
        lane.queue->Post(run);
      else
        run();
    };
    {
      std::lock_guard order(order_);
      mark(hash_lane_, [&] { checkpoint.hash_states = hash_.settled_states(); });
      mark(write_lane_, [&] {
        if (!failed_ && Note(chunks_.Flush())) TellWritten();
        checkpoint.settled = chunks_.settled();
        checkpoint.layout = chunks_.layout();
        checkpoint.tail = ToVector(chunks_.tail());
      });
    }
    captured->wait();
    std::lock_guard lock(mutex_);
    if (error_) return Fail(*error_);
    while (!marks_.empty() && marks_.front().settled <= checkpoint.settled) marks_.pop_front();
    return {};
  }

  Result<> Compare(const Digest& expected) {
    std::optional<Digest> computed = hash_.Value(expected.algorithm());
    if (!computed) {
      Hasher hasher(expected.algorithm());
      TRY(Note(chunks_.ReadBack([&](Bytes plain) { hasher.Update(plain); })));
      computed = Digest::FromHash(expected.algorithm(), hasher.Value());
    }
    if (*computed != expected) return Mismatch(*computed, expected);
    return {};
  }

  /// Makes content and entry durable. An error is final: the kernel may have dropped the dirty pages, and a
  /// second sync would then report a success that is none (design-storage 1.10).
  Result<> Sync() {
    Result<> synced = Lift(file_->Sync(), id_.name());
    if (synced && !entry_synced_) synced = store_.SyncEntry(id_);
    if (!synced) {
      resumable_ = false;
      ended_ = true;
      Remove();
      return Note(Fail(ErrorCode::kStorageFault, std::string(synced.error().fact("detail"))));
    }
    entry_synced_ = true;
    return {};
  }

  void Remove() {
    (void)store_.Remove(id_);
    owner_ = Owner::kCaller;
  }

  BlobStore& store_;
  const std::shared_ptr<File> file_;
  const FileId id_;
  const std::int64_t writer_epoch_;
  ChunkWriter chunks_;
  StreamHash hash_;
  Lane hash_lane_, write_lane_;
  std::mutex order_;    // blocks and checkpoints enter both lanes in one order
  std::mutex control_;  // Checkpoint, Finish, Discard

  mutable std::mutex mutex_;
  std::condition_variable room_;
  std::uint64_t awaited_ = 0;  // the most bytes behind that somebody waits for
  std::optional<Error> error_;
  std::deque<StreamHash::Mark> marks_;  // since the last checkpoint, but for those that a later one replaces
  std::uint64_t written_;               // how far the file goes; the write lane reads it without the lock

  std::atomic<bool> failed_{false}, resumable_{true}, abandoned_{false};
  std::atomic<std::uint64_t> received_;
  Owner owner_;
  bool entry_synced_;
  bool ended_ = false;
};

Result<std::unique_ptr<BlobWriter>> BlobWriter::Begin(BlobStore& store, DomainId domain,
                                                      std::optional<SecretKey> data_key,
                                                      WriterOptions options) {
  BlobStore::NewFile created = TRY(store.Create());
  const std::shared_ptr<File> file = std::move(created.file);
  const BlobIdentity identity{created.id, domain, std::move(data_key)};
  ChunkWriter chunks(file, identity, Layout{identity.suite(), {}}, 0, options.expected_size, options.hooks);
  return std::unique_ptr<BlobWriter>(new BlobWriter(
      std::make_shared<Stream>(store, file, std::move(chunks), StreamHash(identity.suite(), options.sha512),
                               created.id, Stream::Owner::kWriter, options)));
}

Result<std::unique_ptr<BlobWriter>> BlobWriter::Resume(BlobStore& store, BlobIdentity identity, Bytes state,
                                                       WriterOptions options) {
  blobs::Checkpoint checkpoint = TRY(blobs::Checkpoint::Decode(state));
  const FileId id = identity.file;
  if (checkpoint.file != id)
    return Fail(ErrorCode::kDamaged, "the checkpoint is of another file than " + id.name());
  if (checkpoint.writer_epoch >= options.writer_epoch)
    return Fail(ErrorCode::kUnavailable, "a newer writer has taken the upload over");
  TRY(checkpoint.layout.CheckKey(identity));

  const std::shared_ptr<File> file = TRY(OpenAt(store, identity, checkpoint));
  StreamHash hash = TRY(StreamHash::FromStates(identity.suite(), checkpoint.settled, checkpoint.hash_states));
  hash.Update(checkpoint.tail);
  ChunkWriter chunks(file, identity, checkpoint.layout, checkpoint.settled, options.expected_size,
                     options.hooks);
  TRY(chunks.Append(checkpoint.tail));
  Wipe(checkpoint.tail);
  return std::unique_ptr<BlobWriter>(new BlobWriter(std::make_shared<Stream>(
      store, file, std::move(chunks), std::move(hash), id, Stream::Owner::kSession, options)));
}

BlobWriter::BlobWriter(std::shared_ptr<Stream> stream) : stream_(std::move(stream)) {}
BlobWriter::~BlobWriter() { Stream::Abandon(std::move(stream_)); }

void BlobWriter::Append(http::Block block) { stream_->Append(std::move(block)); }
Result<> BlobWriter::Append(Bytes bytes) { return stream_->Append(bytes); }
Result<> BlobWriter::WaitForRoom(std::uint64_t bytes) { return stream_->WaitForRoom(bytes); }
bool BlobWriter::HasRoom(std::uint64_t bytes) const { return stream_->HasRoom(bytes); }
bool BlobWriter::failed() const noexcept { return stream_->failed(); }
bool BlobWriter::resumable() const noexcept { return stream_->resumable(); }
std::uint64_t BlobWriter::received() const noexcept { return stream_->received(); }
const FileId& BlobWriter::file() const { return stream_->id(); }
Result<Digest> BlobWriter::ComputedDigest() { return stream_->ComputedDigest(); }
Result<BlobWriter::Checkpointed> BlobWriter::Checkpoint(Reach reach) { return stream_->Checkpoint(reach); }
Result<FinishedBlob> BlobWriter::Finish(std::span<const Digest> expected) {
  return stream_->Finish(expected);
}
void BlobWriter::Discard() { stream_->Discard(); }

Result<FinishedBlob> WriteBlob(BlobStore& store, DomainId domain, std::optional<SecretKey> data_key,
                               Bytes content, std::span<const Digest> expected) {
  WriterOptions options;
  options.expected_size = std::max<std::uint64_t>(content.size(), 1);
  const auto writer = TRY(BlobWriter::Begin(store, domain, std::move(data_key), options));
  TRY(writer->Append(content));
  return writer->Finish(expected);
}

}  // namespace entrepot::blobs
