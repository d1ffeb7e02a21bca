#include "http/request_body.h"

#include <algorithm>
#include <cstring>

namespace entrepot::http {

std::optional<std::uint64_t> RequestBody::remaining() const {
  if (chunked_) return std::nullopt;
  return remaining_ + (put_back_.size() - put_back_read_);
}

void RequestBody::Unread(std::string bytes) {
  put_back_ = std::move(bytes);
  put_back_read_ = 0;
}

Awaitable<bool> RequestBody::SendContinue() {
  if (!std::exchange(continue_expected_, false)) co_return true;
  co_return co_await channel_.WriteAll("HTTP/1.1 100 Continue\r\n\r\n");
}

Awaitable<BodyStatus> RequestBody::Ready() {
  if (!put_back_.empty()) co_return BodyStatus::kBytes;
  if (received()) co_return BodyStatus::kEnd;
  if (!buffer_.empty()) co_return BodyStatus::kBytes;
  if (!co_await SendContinue()) co_return BodyStatus::kClosed;
  switch (co_await channel_.WaitReadable()) {
    case Io::kOk:
      co_return BodyStatus::kBytes;
    case Io::kInterrupted:
      co_return BodyStatus::kInterrupted;
    case Io::kClosed:
      break;
  }
  co_return BodyStatus::kClosed;
}

Awaitable<BodyPiece> RequestBody::Read(MutableBytes out) {
  if (!put_back_.empty()) co_return TakePutBack(out);
  while (!received()) {
    if (!buffer_.empty()) {
      const BodyPiece piece = TakePending(out);
      if (piece.status != BodyStatus::kBytes || piece.bytes > 0) co_return piece;
      continue;
    }
    if (!co_await SendContinue()) co_return BodyPiece{BodyStatus::kClosed};
    if (!chunked_) out = out.first(std::min<std::uint64_t>(out.size(), remaining_));
    const ReadResult read = co_await channel_.ReadSome(out);
    if (read.status == Io::kInterrupted) co_return BodyPiece{BodyStatus::kInterrupted};
    if (read.status == Io::kClosed) co_return BodyPiece{BodyStatus::kClosed};
    if (!chunked_) {
      remaining_ -= read.bytes;
      co_return BodyPiece{BodyStatus::kBytes, read.bytes};
    }
    std::size_t surplus = 0;
    const BodyPiece piece = Decode(out.first(read.bytes), surplus);
    if (surplus > 0 && !buffer_.TryAppend(out.subspan(read.bytes - surplus, surplus))) overran_ = true;
    if (piece.status != BodyStatus::kBytes || piece.bytes > 0) co_return piece;
  }
  co_return BodyPiece{BodyStatus::kEnd};
}

BodyPiece RequestBody::TakePutBack(MutableBytes out) {
  const std::size_t count = std::min(out.size(), put_back_.size() - put_back_read_);
  std::memcpy(out.data(), put_back_.data() + put_back_read_, count);
  put_back_read_ += count;
  if (put_back_read_ == put_back_.size()) put_back_ = std::string();
  return {BodyStatus::kBytes, count};
}

BodyPiece RequestBody::TakePending(MutableBytes out) {
  continue_expected_ = false;  // the client did not wait (RFC 9110 10.1.1)
  const std::string_view pending = buffer_.pending();
  std::size_t count = std::min(out.size(), pending.size());
  if (!chunked_) count = std::min<std::uint64_t>(count, remaining_);
  std::memcpy(out.data(), pending.data(), count);
  BodyPiece piece{BodyStatus::kBytes, count};
  std::size_t surplus = 0;
  if (chunked_)
    piece = Decode(out.first(count), surplus);
  else
    remaining_ -= count;
  buffer_.Consume(count - surplus);
  return piece;
}

BodyPiece RequestBody::Decode(MutableBytes encoded, std::size_t& surplus) {
  const ChunkedDecoder::Step step = decoder_.Decode(encoded);
  if (step.malformed) return {BodyStatus::kMalformed};
  surplus = encoded.size() - step.consumed;
  return {BodyStatus::kBytes, step.decoded};
}

}  // namespace entrepot::http
