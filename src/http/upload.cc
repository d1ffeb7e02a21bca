#include "http/upload.h"

#include <algorithm>
#include <atomic>

#include "http/body_memory.h"
#include "http/loop.h"

namespace entrepot::http {
namespace {

constexpr std::size_t kMostInFlight = 4 * Block::kCapacity;
constexpr std::size_t kSmallBlock = 256u << 10;
constexpr std::size_t kPage = 4096;

/// A short body comes in smaller blocks, so that work on it begins before it is whole: who sends a layer in
/// chunks waits for each one's answer.
std::size_t BlockCapacity(const RequestBody& body) {
  return body.remaining().value_or(kMostInFlight) < kMostInFlight ? kSmallBlock : Block::kCapacity;
}

/// What the sink has; it may outlive the upload. The loop is woken only while the upload waits for it.
struct InFlight {
  std::atomic<std::size_t> bytes{0};
  std::atomic<bool> awaited{false};
  Signal* waiting = nullptr;  // of the upload, while it lasts; the loop's
};

class Upload {
 public:
  Upload(Channel& channel, RequestBody& body, BodySink& sink)
      : channel_(channel), body_(body), sink_(sink), capacity_(BlockCapacity(body)) {
    in_flight_->waiting = &channel.signal();
  }
  Upload(const Upload&) = delete;
  ~Upload() { in_flight_->waiting = nullptr; }

  Awaitable<UploadEnd> Run() {
    UploadEnd end = UploadEnd::kComplete;
    while (!co_await SendBlock(end)) {
    }
    channel_.Enter(Phase::kWorking);
    const bool ahead = end == UploadEnd::kComplete && sink_.finishes_ahead();
    if (!ahead) co_await AtMostInFlight(0);
    co_return end;
  }

 private:
  /// Receives one block and gives it to the sink; true, with `end` set, when there is no next one.
  Awaitable<bool> SendBlock(UploadEnd& end) {
    if (in_flight_->bytes + capacity_ > kMostInFlight) {
      channel_.Enter(Phase::kWorking);
      co_await AtMostInFlight(kMostInFlight - capacity_);
    }
    // Memory is taken when there is something to put in it: an idle client holds none.
    channel_.Enter(Phase::kReceiving);
    BodyStatus status = co_await body_.Ready();
    if (status == BodyStatus::kBytes && !sink_.failed()) {
      const std::size_t capacity = BlockSize();
      channel_.Enter(Phase::kWorking);
      if (!co_await channel_.TakeMemory(capacity)) co_return Ended(BodyStatus::kClosed, end);
      channel_.Enter(Phase::kReceiving);
      status = co_await Fill(capacity);
    }
    co_return Ended(status, end);
  }

  bool Ended(BodyStatus status, UploadEnd& end) const {
    if (sink_.failed())
      end = UploadEnd::kFailed;
    else if (status == BodyStatus::kClosed)
      end = UploadEnd::kClosed;
    else if (status == BodyStatus::kMalformed)
      end = UploadEnd::kMalformed;
    else if (status != BodyStatus::kEnd)
      return false;
    return true;
  }

  Awaitable<void> AtMostInFlight(std::size_t bytes) {
    in_flight_->awaited = true;  // before the look: who lets go later sees it
    while (in_flight_->bytes > bytes) co_await channel_.signal().Wait();
    in_flight_->awaited = false;
  }

  std::size_t BlockSize() const {
    const std::uint64_t wanted = std::min<std::uint64_t>(body_.remaining().value_or(capacity_), capacity_);
    return (static_cast<std::size_t>(wanted) + kPage - 1) / kPage * kPage;
  }

  /// Fills a block of memory that was taken. What has arrived goes to the sink however it ends.
  Awaitable<BodyStatus> Fill(std::size_t capacity) {
    std::shared_ptr<std::uint8_t> memory = NewBlock(capacity);
    std::size_t size = 0;
    BodyPiece piece{BodyStatus::kBytes};
    while (size < capacity && piece.status == BodyStatus::kBytes) {
      piece = co_await body_.Read({memory.get() + size, capacity - size});
      size += piece.bytes;
    }
    if (size > 0) sink_.Append(Block(std::move(memory), size));
    co_return piece.status;
  }

  /// Counted until its last owner, on any thread, lets go.
  std::shared_ptr<std::uint8_t> NewBlock(std::size_t capacity) {
    in_flight_->bytes += capacity;
    BodyMemory& budget = channel_.memory();
    return {budget.Allocate(capacity), [in_flight = in_flight_, &budget, capacity,
                                        loop = channel_.loop().shared_from_this()](std::uint8_t* pages) {
              budget.Free(pages, capacity);
              budget.Give(capacity);
              in_flight->bytes -= capacity;
              if (!in_flight->awaited) return;
              loop->Post([in_flight] {
                if (in_flight->waiting) in_flight->waiting->Notify();
              });
            }};
  }

  Channel& channel_;
  RequestBody& body_;
  BodySink& sink_;
  const std::size_t capacity_;  // of a block
  const std::shared_ptr<InFlight> in_flight_ = std::make_shared<InFlight>();
};

}  // namespace

Awaitable<UploadEnd> StreamBody(Channel& channel, RequestBody& body, BodySink& sink) {
  channel.Watch(&sink);
  Upload upload(channel, body, sink);
  const UploadEnd end = co_await upload.Run();
  channel.Watch(nullptr);
  co_return end;
}

}  // namespace entrepot::http
