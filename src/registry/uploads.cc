#include "registry/uploads.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <unordered_map>

#include "base/check.h"
#include "base/ids.h"
#include "base/log.h"
#include "http/response.h"
#include "metadata/blobs.h"
#include "metadata/uploads.h"
#include "registry/grace.h"
#include "registry/link_layer.h"
#include "registry/refs.h"
#include "registry/upload_session.h"

namespace entrepot::registry {
namespace {

// How long a request waits for the one it takes a session over from.
constexpr std::chrono::seconds kTakeOver{5};
// How long a session that no request touches stays in memory.
constexpr std::chrono::seconds kIdle{30};

// A session and who holds it.
struct Entry {
  Entry(UploadContext& context, const Repository& repository, const UploadTicket& ticket)
      : session(context, repository, ticket) {}

  std::mutex mutex;
  std::condition_variable released;
  bool held = false;
  std::uint64_t begin = 0;              // of the layer, where its holder's body does
  bool forgotten = false;               // whoever waited for it looks for the session anew
  std::atomic<bool> overtaken = false;  // the holder should end: a newer request waits
  std::atomic<bool> ending = false;     // …which will end the session
  UploadSession session;
};

// The right to use a session, of one request at a time.
class Lease {
 public:
  Lease(std::shared_ptr<Entry> entry, const Clock& clock) : entry_(std::move(entry)), clock_(&clock) {}
  Lease(Lease&&) noexcept = default;
  Lease& operator=(Lease&&) = delete;
  ~Lease() {
    if (!entry_) return;
    entry_->session.idle_since = clock_->Elapsed();
    {
      std::lock_guard lock(entry_->mutex);
      entry_->held = false;
    }
    entry_->released.notify_one();
  }
  UploadSession* operator->() const { return &entry_->session; }
  UploadSession& operator*() const { return entry_->session; }
  const std::atomic<bool>& overtaken() const { return entry_->overtaken; }
  bool ending() const { return entry_->ending; }

 private:
  std::shared_ptr<Entry> entry_;
  const Clock* clock_;
};

Error GoneError(const UploadSession& session) {
  return About(session.repository(), ErrorCode::kUploadNotFound).With("upload", session.ticket().id);
}

Error OffsetError(const UploadSession& session) {
  return About(session.repository(), ErrorCode::kUploadOffset)
      .With("upload", session.ticket().id)
      .With("offset", std::to_string(session.received()));
}

/// Where an answer is due that more of the upload may follow, when that is known. A first chunk may be the
/// only one.
std::optional<std::uint64_t> EndOf(const Uploads::Chunk& chunk, std::uint64_t size) {
  const bool more = chunk.offset > 0 && !chunk.closing_digest && size > 0;
  return more ? std::optional(chunk.offset + size) : std::nullopt;
}

}  // namespace

struct Uploads::State {
  UploadContext context;
  std::mutex mutex;
  std::unordered_map<std::string, std::shared_ptr<Entry>> entries;

  State(metadata::Store& store, blobs::BlobStore& files, keys::KeyRing& keys, const Grace& grace,
        ThreadPool& worker_pool, ThreadPool& body_pool, UploadSettings settings)
      : context{store, files, keys, grace, worker_pool, body_pool, settings.memory} {}

  std::shared_ptr<Entry> Peek(const std::string& id) {
    std::lock_guard lock(mutex);
    const auto found = entries.find(id);
    return found == entries.end() ? nullptr : found->second;
  }

  std::shared_ptr<Entry> FindOrMake(const Repository& repository, const UploadTicket& ticket) {
    std::lock_guard lock(mutex);
    std::shared_ptr<Entry>& entry = entries[ticket.id];
    if (!entry) entry = std::make_shared<Entry>(context, repository, ticket);
    return entry;
  }

  /// By its holder.
  void Forget(const std::string& id) {
    std::shared_ptr<Entry> entry;  // outlives the lock: its session's end may wait for a disk
    std::lock_guard lock(mutex);
    const auto found = entries.find(id);
    if (found == entries.end()) return;
    entry = std::move(found->second);
    entries.erase(found);
    std::lock_guard holding(entry->mutex);
    entry->forgotten = true;
  }

  /// Takes the session for one request, over from an older one if that stands at the same offset (or there is
  /// none to compare: a cancellation). So does one at a place that the older one has passed since it began:
  /// it was told of that place by a status, and has given the older one up, whose last bytes were still
  /// coming in. What it is told then no longer moves.
  Result<Lease> Take(const Repository& repository, const UploadTicket& ticket,
                     std::optional<std::uint64_t> offset) {
    std::shared_ptr<Entry> entry;
    for (bool held = false; !held;) {
      entry = FindOrMake(repository, ticket);
      std::unique_lock lock(entry->mutex);
      if (entry->held) {
        const std::uint64_t received = entry->session.received();
        if (offset && *offset != received && (*offset <= entry->begin || *offset > received))
          return Fail(OffsetError(entry->session));
        entry->ending = !offset;
        entry->overtaken = true;
        const bool free = entry->released.wait_for(lock, kTakeOver, [&] { return !entry->held; });
        entry->overtaken = false;
        if (!free) return Fail(ErrorCode::kUnavailable, "another request holds the upload");
      }
      held = entry->held = !entry->forgotten;
      if (offset) entry->begin = *offset;
    }
    Lease lease(entry, context.store.clock());
    if (entry->session.repository().id != repository.id)
      return Fail(About(repository, ErrorCode::kUploadNotFound).With("upload", ticket.id));
    if (Result<> loaded = entry->session.Load(); !loaded) {
      Forget(ticket.id);
      return Fail(std::move(loaded).error());
    }
    return lease;
  }

  /// The same on an event loop: nothing unless the session is here, free, and takes more at `offset`.
  std::optional<Lease> TryTake(const Repository& repository, const UploadTicket& ticket,
                               std::uint64_t offset) {
    const std::shared_ptr<Entry> entry = Peek(ticket.id);
    if (!entry) return std::nullopt;
    {
      std::lock_guard lock(entry->mutex);
      if (entry->held || entry->forgotten) return std::nullopt;
      entry->held = true;
      entry->begin = offset;
    }
    Lease lease(entry, context.store.clock());
    const bool ready = entry->session.repository().id == repository.id && entry->session.TryWriter() &&
                       entry->session.received() == offset;
    return ready ? std::optional(std::move(lease)) : std::nullopt;
  }

  Result<UploadedLayer> Complete(UploadSession& session, std::span<const Digest> digests, Bytes body) {
    Result<UploadedLayer> layer = session.Complete(digests, body);
    if (layer || layer.error().code() != ErrorCode::kLayerDigestMismatch) Forget(session.ticket().id);
    return layer;
  }

  /// The answer to a repeated closing request of a completed session.
  Result<UploadedLayer> CompletedBefore(const UploadSession& session) {
    const Digest digest = *session.completed();
    auto link = TRY(context.store.Read([&](metadata::sql::Session& sql) {
      return metadata::FindLink(sql, RefOf(session.repository()), digest);
    }));
    Forget(session.ticket().id);
    if (!link) return Fail(GoneError(session));
    return UploadedLayer{digest, link->blob.size, true};
  }

  /// The same for a chunk of a completed session, which may only be that closing one.
  Result<ChunkResult> AnswerCompleted(const UploadSession& session, const Chunk& chunk) {
    if (chunk.closing_digest != session.completed()) return Fail(GoneError(session));
    const UploadedLayer layer = TRY(CompletedBefore(session));
    return ChunkResult{static_cast<std::uint64_t>(layer.size), layer};
  }

  class Sink;
  class AnsweredSink;
};

// Lets the body of a repeated closing request pass by: its answer is known.
class Uploads::State::AnsweredSink final : public http::BodySink {
 public:
  AnsweredSink(const ChunkResult& result, Answer answer) : result_(result), answer_(std::move(answer)) {}
  void Append(http::Block) override {}
  bool failed() const noexcept override { return false; }
  http::Response Finish() override { return answer_.make(result_); }
  void Abort() override {}

 private:
  const ChunkResult result_;
  const Answer answer_;
};

// Streams one request's body into a session.
class Uploads::State::Sink final : public http::BodySink {
 public:
  /// `end`: as EndOf says.
  Sink(State& state, Lease lease, blobs::BlobWriter& writer, const Chunk& chunk,
       std::optional<std::uint64_t> end, Answer answer)
      : state_(state),
        lease_(std::move(lease)),
        writer_(writer),
        chunk_(chunk),
        end_(end),
        answer_(std::move(answer)) {}

  void Append(http::Block block) override {
    writer_.Append(std::move(block));
    lease_->CheckpointAhead(end_);
  }

  bool failed() const noexcept override { return writer_.failed() || lease_.overtaken(); }

  // A closing chunk needs the whole content; another is answered for while its end is being written.
  bool finishes_ahead() const noexcept override { return !chunk_.closing_digest; }

  bool TryFinish(http::Response& response) override {
    if (chunk_.closing_digest || failed() || !answer_.try_make || !lease_->MayAnswer()) return false;
    return answer_.try_make({lease_->received(), std::nullopt}, response);
  }

  http::Response Finish() override { return answer_.make(Conclude()); }

  void Abort() override { (void)Keep(); }

 private:
  Result<ChunkResult> Conclude() {
    UploadSession& session = *lease_;
    if (writer_.failed() || lease_.overtaken()) {
      const bool overtaken = !writer_.failed();
      if (overtaken && lease_.ending()) return Fail(GoneError(session));
      const Result<> kept = Keep();
      if (overtaken) return Fail(ErrorCode::kUnavailable, "a newer request has taken the upload over");
      return kept ? Result<ChunkResult>(Fail(ErrorCode::kStorageFault, "the upload could not be written"))
                  : Result<ChunkResult>(Fail(kept.error()));
    }
    if (chunk_.closing_digest) {
      const Result<UploadedLayer> layer = state_.Complete(session, {&*chunk_.closing_digest, 1}, {});
      if (layer) return ChunkResult{static_cast<std::uint64_t>(layer->size), *layer};
      if (layer.error().code() == ErrorCode::kLayerDigestMismatch) Drop();
      return Fail(layer.error());
    }
    TRY(session.CheckpointIfMuch());
    TRY(session.WaitForRoom());
    return ChunkResult{session.received(), std::nullopt};
  }

  // Keeps what arrived: everything that can be.
  Result<> Keep() {
    Result<> kept = lease_->Checkpoint();
    if (!kept) lease_->FallBack();
    Drop();
    return kept;
  }

  // Of a session that nobody could go on with nothing stays.
  void Drop() {
    if (!chunk_.whole) return;
    state_.Forget(lease_->ticket().id);
    if (const Result<> dropped = lease_->Discard(); !dropped && !lease_->gone())
      log::Warning("an upload that failed was not removed", {{"error", dropped.error().ToString()}});
  }

  State& state_;
  Lease lease_;
  blobs::BlobWriter& writer_;
  const Chunk chunk_;
  const std::optional<std::uint64_t> end_;
  const Answer answer_;
};

Uploads::Uploads(metadata::Store& store, blobs::BlobStore& files, keys::KeyRing& keys, const Grace& grace,
                 ThreadPool& workers, ThreadPool& body_pool, UploadSettings settings)
    : state_(std::make_unique<State>(store, files, keys, grace, workers, body_pool, settings)) {}
Uploads::~Uploads() = default;

UploadTicket Uploads::Open(const Repository& repository, std::string_view principal,
                           HashAlgorithm algorithm) {
  return {NewUuid(), repository.id, std::string(principal), state_->context.store.clock().Now(), algorithm};
}

Result<UploadTicket> Uploads::OpenDurable(const Repository& repository, std::string_view principal) {
  UploadTicket ticket = Open(repository, principal);
  TRY(state_->context.store.Write([&](metadata::WriteTransaction& transaction) -> Result<> {
    TRY(RequireRepository(transaction, repository));
    metadata::UploadRow row{.id = ticket.id,
                            .principal = ticket.principal,
                            .opened_at = ticket.opened_at,
                            .expires_at = transaction.store_time() + kUploadLifetime};
    TRY(metadata::InsertUpload(transaction, RefOf(repository), row));
    return {};
  }));
  return ticket;
}

Result<UploadTicket> Uploads::Find(const Repository& repository, std::string_view id) {
  auto row = TRY(state_->context.store.Read(
      [&](metadata::sql::Session& session) { return metadata::FindUpload(session, RefOf(repository), id); }));
  if (!row) return Fail(About(repository, ErrorCode::kUploadNotFound).With("upload", std::string(id)));
  return UploadTicket{std::string(id), repository.id, row->principal, row->opened_at};
}

Result<UploadStatus> Uploads::Status(const Repository& repository, const UploadTicket& ticket) {
  if (const std::shared_ptr<Entry> entry = state_->Peek(ticket.id); entry && entry->session.received() > 0)
    return UploadStatus{entry->session.received()};
  UploadSession session(state_->context, repository, ticket);  // reads alone
  TRY(session.Load());
  if (session.completed()) return Fail(GoneError(session));
  return UploadStatus{session.received()};
}

Result<Uploads::ChunkResult> Uploads::Append(const Repository& repository, const UploadTicket& ticket,
                                             const Chunk& chunk, http::Block body) {
  Lease session = TRY(state_->Take(repository, ticket, chunk.offset));
  if (session->completed()) return state_->AnswerCompleted(*session, chunk);
  if (chunk.offset != session->received()) return Fail(OffsetError(*session));
  if (chunk.closing_digest) {
    const UploadedLayer layer = TRY(state_->Complete(*session, {&*chunk.closing_digest, 1}, body.bytes()));
    return ChunkResult{static_cast<std::uint64_t>(layer.size), layer};
  }
  TRY(session->Receive(std::move(body)));
  TRY(session->CheckpointIfMuch());
  return ChunkResult{session->received(), std::nullopt};
}

Result<std::unique_ptr<http::BodySink>> Uploads::AppendStream(const Repository& repository,
                                                              const UploadTicket& ticket, const Chunk& chunk,
                                                              std::uint64_t expected_size, Answer answer) {
  Lease session = TRY(state_->Take(repository, ticket, chunk.offset));
  if (session->completed())
    return std::make_unique<State::AnsweredSink>(TRY(state_->AnswerCompleted(*session, chunk)),
                                                 std::move(answer));
  if (chunk.offset != session->received()) return Fail(OffsetError(*session));
  const bool sha512 = chunk.closing_digest && chunk.closing_digest->algorithm() == HashAlgorithm::kSha512;
  blobs::BlobWriter* writer = TRY(session->Writer(sha512, chunk.offset + expected_size));
  return std::make_unique<State::Sink>(*state_, std::move(session), *writer, chunk,
                                       EndOf(chunk, expected_size), std::move(answer));
}

std::unique_ptr<http::BodySink> Uploads::TryAppendStream(const Repository& repository,
                                                         const UploadTicket& ticket, const Chunk& chunk,
                                                         std::uint64_t expected_size, Answer answer) {
  CHECK(!chunk.closing_digest);
  std::optional<Lease> session = state_->TryTake(repository, ticket, chunk.offset);
  if (!session) return nullptr;
  blobs::BlobWriter& writer = *(*session)->TryWriter();
  return std::make_unique<State::Sink>(*state_, *std::move(session), writer, chunk,
                                       EndOf(chunk, expected_size), std::move(answer));
}

Result<UploadedLayer> Uploads::PutWhole(const Repository& repository, std::string_view principal,
                                        const Digest& digest, http::Block body) {
  const UploadTicket ticket = Open(repository, principal);
  const ChunkResult result = TRY(Append(repository, ticket, {0, digest}, std::move(body)));
  return *result.layer;
}

Result<Uploads::ChunkResult> Uploads::AppendPart(const Repository& repository, const UploadTicket& ticket,
                                                 std::uint64_t first, Bytes body) {
  Lease session = TRY(state_->Take(repository, ticket, first));
  if (session->completed())
    return Fail(About(repository, ErrorCode::kUploadNotFound).With("upload", ticket.id));
  if (first != session->received()) return Fail(OffsetError(*session));
  TRY(session->ReceivePart(body));
  return ChunkResult{session->received(), std::nullopt};
}

Result<UploadedLayer> Uploads::CompleteParts(const Repository& repository, const UploadTicket& ticket,
                                             const std::vector<Digest>& digests) {
  Lease session = TRY(state_->Take(repository, ticket, std::nullopt));
  if (!session->completed()) {
    TRY(session->RequireParts());
    if (digests.empty())
      return Fail(About(repository, ErrorCode::kLayerDigestMismatch).With("upload", ticket.id));
    UploadedLayer layer = TRY(state_->Complete(*session, digests, {}));
    if (layer.existed)
      return Fail(About(repository, ErrorCode::kLayerAlreadyExists).With("digest", layer.digest.ToString()));
    return layer;
  }
  if (std::ranges::find(digests, *session->completed()) == digests.end())
    return Fail(About(repository, ErrorCode::kUploadNotFound).With("upload", ticket.id));
  return state_->CompletedBefore(*session);
}

Result<> Uploads::Cancel(const Repository& repository, const UploadTicket& ticket) {
  Lease session = TRY(state_->Take(repository, ticket, std::nullopt));
  if (session->completed())
    return Fail(About(repository, ErrorCode::kUploadNotFound).With("upload", ticket.id));
  Result<> cancelled = session->Cancel();
  if (cancelled) state_->Forget(ticket.id);
  return cancelled;
}

void Uploads::TendIdle() {
  const Clock& clock = state_->context.store.clock();
  std::vector<std::shared_ptr<Entry>> idle;
  {
    std::lock_guard lock(state_->mutex);
    for (auto& [id, entry] : state_->entries) {
      std::lock_guard holding(entry->mutex);
      if (entry->held || clock.Elapsed() - entry->session.idle_since < kIdle) continue;
      entry->held = true;
      idle.push_back(entry);
    }
  }
  for (std::shared_ptr<Entry>& entry : idle) {
    Lease lease(entry, clock);
    if (lease->received() > 0 && !lease->completed())
      if (const Result<> kept = lease->Checkpoint(); !kept && !lease->gone()) {
        log::Warning("an idle upload was not checkpointed", {{"error", kept.error().ToString()}});
        continue;
      }
    state_->Forget(lease->ticket().id);
  }
}

void Uploads::CheckpointAll() {
  std::vector<std::shared_ptr<Entry>> entries;
  {
    std::lock_guard lock(state_->mutex);
    for (auto& [id, entry] : state_->entries) entries.push_back(entry);
  }
  for (const std::shared_ptr<Entry>& entry : entries)
    if (entry->session.received() > 0 && !entry->session.completed())
      if (const Result<> kept = entry->session.Checkpoint(); !kept)
        log::Warning("an upload was not checkpointed", {{"error", kept.error().ToString()}});
}

}  // namespace entrepot::registry
