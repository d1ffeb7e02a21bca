#include "http/answer.h"

#include <algorithm>
#include <array>
#include <sys/uio.h>

#include "http/body_memory.h"
#include "http/file_window.h"
#include "http/loop.h"
#include "http/record_batch.h"
#include "http/response_head.h"

namespace entrepot::http {
namespace {

// Up to here head and body leave together in one TLS record, or one copy of a file that is in memory.
constexpr std::size_t kTogether = 15u << 10;
constexpr std::size_t kSmallFile = 32u << 10;
constexpr std::size_t kSourceBuffer = 256u << 10;
constexpr std::size_t kLongBuffer = 1u << 20;
constexpr std::uint64_t kLongBody = 8u << 20;
// Where we seal the records ourselves, what is read, sealed and sent at once: four records, a full segment.
constexpr std::size_t kBatch = 4 * RecordBatch::kRecordPlain;
constexpr std::size_t kCopyBuffer = 64u << 10;
constexpr std::size_t kBatchBuffer = 68u << 10;
static_assert(kBatch <= kCopyBuffer && 4 * RecordBatch::kRecord <= kBatchBuffer);
constexpr std::uint64_t kCorkFrom = 256u << 10;
constexpr std::uint64_t kHotWindow = 1u << 20;
constexpr std::uint64_t kColdWindow = 4u << 20;

iovec Part(std::string_view text) { return {const_cast<char*>(text.data()), text.size()}; }
iovec Part(Bytes bytes) { return {const_cast<std::uint8_t*>(bytes.data()), bytes.size()}; }

Awaitable<bool> SendText(Channel& channel, std::string& head, std::string_view text) {
  if (channel.tls() && text.size() <= kTogether) {
    head += text;
    co_return co_await channel.WriteAll(head);
  }
  std::array<iovec, 2> parts{Part(head), Part(text)};
  co_return co_await channel.WriteAll(parts);
}

/// A large body in full segments: it costs a third less. Not under TLS, where batches of records are that
/// already.
class Corked {
 public:
  Corked(Channel& channel, std::uint64_t length)
      : channel_(length > kCorkFrom && !channel.tls() ? &channel : nullptr) {
    if (channel_) channel_->Cork(true);
  }
  Corked(const Corked&) = delete;
  ~Corked() {
    if (channel_) channel_->Cork(false);
  }

 private:
  Channel* const channel_;
};

/// Sends a body's parts: several records at a time where we seal them.
class BodyWriter {
 public:
  /// What it takes of the budget for a body of `length`.
  static std::size_t Needs(const Channel& channel, std::uint64_t length) {
    return channel.sends_files() || length <= RecordBatch::kRecordPlain ? 0 : kBatchBuffer;
  }
  /// `needs` bytes were taken by the caller.
  BodyWriter(Channel& channel, std::size_t needs) : channel_(channel) {
    if (needs > 0) batch_.emplace(channel.session(), memory_.emplace(channel.memory(), needs).bytes());
  }
  Awaitable<bool> Write(std::span<iovec> parts) {
    return batch_ ? channel_.WriteBatches(*batch_, parts) : channel_.WriteAll(parts);
  }

 private:
  Channel& channel_;
  std::optional<PageBuffer> memory_;
  std::optional<RecordBatch> batch_;
};

/// A file's bytes; `head` was not sent yet.
class FileAnswer {
 public:
  FileAnswer(Channel& channel, std::string& head, const FileRange& range)
      : channel_(channel),
        head_(head),
        file_(range.file->get()),
        offset_(range.offset),
        left_(range.length) {}

  Awaitable<bool> Send() {
    if (left_ <= kSmallFile && TakeSmallFile()) co_return co_await channel_.WriteAll(head_);
    if (!channel_.sends_files() && left_ > 0) co_return co_await SendCopied();
    iovec part = Part(head_);
    if (!co_await channel_.WriteAll({&part, 1}, left_ > 0)) co_return false;
    co_return co_await SendFromCache();
  }

 private:
  /// Appends a file that is in memory to the head; false, with nothing done, when it is not.
  bool TakeSmallFile() {
    const std::size_t head_length = head_.size();
    head_.resize(head_length + left_);
    const MutableBytes out{reinterpret_cast<std::uint8_t*>(head_.data()) + head_length,
                           static_cast<std::size_t>(left_)};
    if (ReadIfCached(file_, offset_, out) == out.size()) return true;
    head_.resize(head_length);
    return false;
  }

  Awaitable<bool> SendFromCache() {
    while (left_ > 0) {
      std::uint64_t window = std::min(left_, kHotWindow);
      if (!IsCached(file_, offset_, window)) {
        window = std::min(left_, kColdWindow);
        if (!co_await OnBodyPool([this, window] { return LoadWindow(file_, offset_, window); }))
          co_return false;
      }
      if (!co_await channel_.SendFile(file_, offset_, window)) co_return false;
      Advance(window);
    }
    co_return true;
  }

  Awaitable<bool> SendCopied() {
    channel_.Enter(Phase::kWorking);
    const std::size_t needs = BodyWriter::Needs(channel_, left_);
    if (!co_await channel_.TakeMemory(kCopyBuffer + needs)) co_return false;
    channel_.Enter(Phase::kSending);
    PageBuffer buffer(channel_.memory(), kCopyBuffer);
    BodyWriter writer(channel_, needs);
    while (left_ > 0) {
      const MutableBytes out = buffer.bytes().first(std::min<std::uint64_t>(left_, kBatch));
      if (ReadIfCached(file_, offset_, out) != out.size() &&
          !co_await OnBodyPool([this, out] { return ReadFully(file_, offset_, out); }))
        co_return false;
      std::array<iovec, 2> parts{Part(head_), Part(out)};
      if (!co_await writer.Write(parts)) co_return false;
      head_.clear();
      Advance(out.size());
    }
    co_return true;
  }

  template <class Work>
  Awaitable<bool> OnBodyPool(Work work) {
    channel_.Enter(Phase::kWorking);
    const auto done = co_await channel_.RunOn(*channel_.loop().server().options.body_pool,
                                              Channel::Admission::kAlways, std::move(work));
    channel_.Enter(Phase::kSending);
    co_return done.value_or(false);
  }

  void Advance(std::uint64_t bytes) {
    offset_ += bytes;
    left_ -= bytes;
  }

  Channel& channel_;
  std::string& head_;
  const int file_;
  std::uint64_t offset_, left_;
};

/// A source's bytes: one buffer is sent while the body pool fills the other.
class SourceAnswer {
 public:
  SourceAnswer(Channel& channel, std::string& head, BodySource& source)
      : channel_(channel), head_(head), source_(source), unread_(source.length()) {}

  Awaitable<bool> Send() {
    if (unread_ == 0) co_return co_await channel_.WriteAll(head_);
    channel_.Enter(Phase::kWorking);
    const std::size_t needs = BodyWriter::Needs(channel_, unread_);
    std::size_t size = kLongBuffer;
    if (!TakeLongBuffers(2 * size + needs)) {
      size = std::min<std::uint64_t>(unread_, kSourceBuffer);
      if (!co_await channel_.TakeMemory(2 * size + needs)) co_return false;
    }
    PageBuffer first(channel_.memory(), size), second(channel_.memory(), size);
    BodyWriter writer(channel_, needs);
    std::array<MutableBytes, 2> buffers{first.bytes(), second.bytes()};

    StartRead(buffers[0]);
    for (std::size_t current = 0;; current = 1 - current) {
      channel_.Enter(Phase::kWorking);
      co_await channel_.Finished(pending_);
      const Bytes filled = TakeRead(buffers[current]);
      if (filled.empty()) co_return false;
      if (unread_ > 0) StartRead(buffers[1 - current]);
      channel_.Enter(Phase::kSending);
      const bool sent = co_await SendBuffer(writer, filled);
      if (unread_ == 0) co_return sent;
      if (!sent) {
        co_await channel_.Finished(pending_);  // it writes into our buffer
        co_return false;
      }
    }
  }

 private:
  /// The two threads meet less often, where the body is long and memory is plenty.
  bool TakeLongBuffers(std::size_t bytes) {
    BodyMemory& memory = channel_.memory();
    return unread_ >= kLongBody && memory.in_use() < memory.limit() / 4 && memory.TryTake(bytes);
  }

  void StartRead(MutableBytes out) {
    pending_ = {};
    out = out.first(std::min<std::uint64_t>(out.size(), unread_));
    channel_.Start(*channel_.loop().server().options.body_pool, Channel::Admission::kAlways, pending_,
                   [this, out] { return source_.Read(out); });
  }

  /// Empty when the source failed, or ended before its length.
  Bytes TakeRead(MutableBytes buffer) {
    if (!pending_.result || !*pending_.result) return {};
    const std::size_t count = **pending_.result;
    CHECK(count <= std::min<std::uint64_t>(buffer.size(), unread_));
    unread_ -= count;
    return buffer.first(count);
  }

  Awaitable<bool> SendBuffer(BodyWriter& writer, Bytes bytes) {
    std::array<iovec, 2> parts{Part(head_), Part(bytes)};
    const bool sent = co_await writer.Write(std::span(parts).subspan(head_.empty() ? 1 : 0));
    head_.clear();
    co_return sent;
  }

  Channel& channel_;
  std::string& head_;
  BodySource& source_;
  std::uint64_t unread_;
  Channel::Pending<Result<std::size_t>> pending_;
};

Awaitable<bool> SendBody(Channel& channel, std::string& head, Response& response) {
  if (const auto* text = std::get_if<std::string>(&response.body))
    co_return co_await SendText(channel, head, *text);
  if (const auto* shared = std::get_if<SharedText>(&response.body); shared != nullptr && *shared != nullptr)
    co_return co_await SendText(channel, head, **shared);
  bool sent = false;
  if (const auto* range = std::get_if<FileRange>(&response.body)) {
    const Corked corked(channel, range->length);
    FileAnswer answer(channel, head, *range);
    sent = co_await answer.Send();
  } else if (const auto* source = std::get_if<std::unique_ptr<BodySource>>(&response.body);
             source != nullptr && *source != nullptr) {
    const Corked corked(channel, (*source)->length());
    SourceAnswer answer(channel, head, **source);
    sent = co_await answer.Send();
  } else {
    co_return co_await channel.WriteAll(head);
  }
  if (!sent) channel.ResetOnClose();
  co_return sent;
}

}  // namespace

Awaitable<bool> SendAnswer(Channel& channel, std::string& scratch, Response& response, AnswerTo to) {
  scratch.clear();
  AppendResponseHead(scratch, response, to.head_request, to.close, channel.loop().date_field());
  channel.Enter(Phase::kSending);
  if (to.head_request || !StatusAllowsBody(response.status)) co_return co_await channel.WriteAll(scratch);
  co_return co_await SendBody(channel, scratch, response);
}

}  // namespace entrepot::http
