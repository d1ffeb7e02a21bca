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
#include "blobs/progress.h"
#include "blobs/stream_hash.h"

namespace entrepot::blobs {
namespace {

std::unexpected<Error> Mismatch(const Digest& computed, const Digest& expected) {
  return Fail(Error(ErrorCode::kLayerDigestMismatch)
                  .With("digest", computed.ToString())
                  .With("expected", expected.ToString()));
}

/// A session's file, and the furthest point that its checkpoint or a record in the file knows of.
struct Found {
  std::shared_ptr<File> file;
  Progress progress;
  Checkpoint point;
  std::uint64_t length = 0;  // of the file, at the point
};

Result<Found> FindPoint(BlobStore& store, const BlobIdentity& identity, Bytes state, Access access) {
  Checkpoint start = TRY(Checkpoint::Decode(state));
  const std::string name = identity.file.name();
  if (start.file != identity.file)
    return Fail(ErrorCode::kDamaged, "the checkpoint is of another file than " + name);
  TRY(start.layout.CheckKey(identity));
  const std::shared_ptr<File> file = TRY(store.Open(identity.file, access));
  if (!file) return Fail(ErrorCode::kDamaged, "the upload's file " + name + " is gone");
  const auto length_at = [&](std::uint64_t settled) {
    return settled == 0 ? 0 : ChunkOffset(settled / ChunkContent(identity.suite()));
  };
  if (TRY(Lift(file->Status(), name)).size < length_at(start.settled))
    return Fail(ErrorCode::kDamaged, "the upload's file " + name + " is shorter than its checkpoint");
  Progress progress(identity);
  Checkpoint point = TRY(progress.Find(*file, std::move(start)));
  if (point.settled > 0) {
    Header header;
    TRY(Lift(ReadFully(*file, 0, header), name));
    TRY(CheckHeader(header, identity, point.layout.segments.front().salt));
  }
  const std::uint64_t length = length_at(point.settled);
  return Found{file, std::move(progress), std::move(point), length};
}

/// Cuts the file back to the point, and makes it durable: a killed process may have left it in memory alone.
/// A sync is not tried twice (design-storage 1.10).
Result<> GoBackTo(BlobStore& store, const Found& found) {
  const std::string name = found.point.file.name();
  TRY(Lift(found.file->Truncate(found.length), name));
  if (found.file->Sync()) return {};
  (void)store.Remove(found.point.file);
  return Fail(ErrorCode::kDamaged, "the upload's file " + name + " could not be made durable");
}

}  // namespace

/// The writer's state, kept alive by the jobs of its lanes. hash_ belongs to the hash lane and chunks_ to the
/// write lane, but for what never changes in them; other threads touch them when the lanes are idle.
class BlobWriter::Stream : public std::enable_shared_from_this<BlobWriter::Stream> {
 public:
  enum class Owner { kWriter, kSession, kCaller };

  Stream(BlobStore& store, std::shared_ptr<File> file, ChunkWriter chunks, StreamHash hash, Progress progress,
         FileId id, Owner owner, const WriterOptions& options)
      : store_(store),
        file_(std::move(file)),
        id_(id),
        writer_epoch_(options.writer_epoch),
        chunks_(std::move(chunks)),
        hash_(std::move(hash)),
        progress_(std::move(progress)),
        written_(chunks_.written()),
        received_(chunks_.received()),
        owner_(owner),
        entry_synced_(owner == Owner::kSession) {
    if (owner == Owner::kSession) durable_ = {hash_.settled(), hash_.settled_states()};
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
    NoteDurable(checkpoint);
    owner_ = Owner::kSession;
    const std::uint64_t received = checkpoint.settled + checkpoint.tail.size();
    Checkpointed done{checkpoint.Encode(), received};
    Wipe(checkpoint.tail);
    return done;
  }

  bool KeepAhead() {
    {
      std::lock_guard lock(mutex_);
      if (keeping_ || !durable_ || error_) return false;
      keeping_ = true;
    }
    auto run = [this] {
      if (!failed_ && !abandoned_) (void)Note(Keep());
      std::lock_guard lock(mutex_);
      keeping_ = false;
      room_.notify_all();
    };
    if (write_lane_.queue)
      write_lane_.queue->Post([self = shared_from_this(), run] { run(); });
    else
      run();
    return true;
  }

  void WaitKept() {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [&] { return !keeping_; });
  }

  std::uint64_t kept_ahead() const { return kept_ahead_; }

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

  Result<> WaitIdle() {
    WaitKept();
    return WaitForRoom(0);
  }

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

  /// By the write lane: record and content become durable by one sync, in either order (progress.h).
  Result<> Keep() {
    blobs::Checkpoint point(id_);
    point.writer_epoch = writer_epoch_;
    if (!TRY(CaptureWritten(point))) return {};
    DurablePoint base;
    {
      std::lock_guard lock(mutex_);
      base = *durable_;
    }
    if (base.settled > point.settled || !progress_.Put(base, point)) return {};
    TRY(chunks_.WriteHeader(progress_.block()));
    TRY(SyncFile());
    NoteDurable(point);
    kept_ahead_ = point.settled + point.tail.size();
    return {};
  }

  void NoteDurable(const blobs::Checkpoint& point) {
    std::lock_guard lock(mutex_);
    if (durable_ && durable_->settled >= point.settled) return;
    durable_ = {point.settled, point.hash_states};
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

  /// Makes the content durable. An error is final: the kernel may have dropped the dirty pages, and a second
  /// sync, of another thread too, would then report a success that is none (design-storage 1.10).
  Result<> SyncFile() {
    std::lock_guard lock(sync_);
    if (!resumable_) return Fail(ErrorCode::kStorageFault, "the upload's file could not be made durable");
    return NoteSynced(Lift(file_->Sync(), id_.name()));
  }

  Result<> NoteSynced(Result<> synced) {
    if (synced) return {};
    resumable_ = false;
    return Note(Fail(ErrorCode::kStorageFault, std::string(synced.error().fact("detail"))));
  }

  /// Content and entry.
  Result<> Sync() {
    Result<> synced = SyncFile();
    if (synced && !entry_synced_) synced = NoteSynced(store_.SyncEntry(id_));
    if (!synced) {
      ended_ = true;
      Remove();
      return synced;
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
  Progress progress_;  // the write lane's
  Lane hash_lane_, write_lane_;
  std::mutex order_;    // blocks and checkpoints enter both lanes in one order
  std::mutex control_;  // Checkpoint, Finish, Discard
  std::mutex sync_;     // one sync of the file at a time

  mutable std::mutex mutex_;
  std::condition_variable room_;
  std::uint64_t awaited_ = 0;  // the most bytes behind that somebody waits for
  std::optional<Error> error_;
  std::deque<StreamHash::Mark> marks_;  // since the last checkpoint, but for those that a later one replaces
  std::uint64_t written_;               // how far the file goes; the write lane reads it without the lock
  std::optional<DurablePoint> durable_;
  bool keeping_ = false;  // KeepAhead's is being made

  std::atomic<bool> failed_{false}, resumable_{true}, abandoned_{false};
  std::atomic<std::uint64_t> received_, kept_ahead_{0};
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
                               Progress(identity), created.id, Stream::Owner::kWriter, options)));
}

Result<std::unique_ptr<BlobWriter>> BlobWriter::Resume(BlobStore& store, BlobIdentity identity, Bytes state,
                                                       WriterOptions options) {
  Found found = TRY(FindPoint(store, identity, state, Access::kReadWrite));
  blobs::Checkpoint& point = found.point;
  if (point.writer_epoch >= options.writer_epoch)
    return Fail(ErrorCode::kUnavailable, "a newer writer has taken the upload over");
  TRY(GoBackTo(store, found));
  StreamHash hash = TRY(StreamHash::FromStates(identity.suite(), point.settled, point.hash_states));
  hash.Update(point.tail);
  ChunkWriter chunks(found.file, identity, point.layout, point.settled, options.expected_size, options.hooks);
  TRY(chunks.Append(point.tail));
  Wipe(point.tail);
  return std::unique_ptr<BlobWriter>(new BlobWriter(
      std::make_shared<Stream>(store, found.file, std::move(chunks), std::move(hash),
                               std::move(found.progress), point.file, Stream::Owner::kSession, options)));
}

Result<std::uint64_t> BlobWriter::Reached(BlobStore& store, const BlobIdentity& identity, Bytes state) {
  const Found found = TRY(FindPoint(store, identity, state, Access::kRead));
  return found.point.settled + found.point.tail.size();
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
bool BlobWriter::KeepAhead() { return stream_->KeepAhead(); }
std::uint64_t BlobWriter::kept_ahead() const noexcept { return stream_->kept_ahead(); }
void BlobWriter::WaitKept() { stream_->WaitKept(); }
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
