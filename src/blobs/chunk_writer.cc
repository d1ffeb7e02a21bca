#include "blobs/chunk_writer.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/check.h"
#include "blobs/read_chunks.h"

namespace entrepot::blobs {
namespace {

std::size_t BufferChunks(Suite suite, std::uint64_t expected_size) {
  if (expected_size == 0) return kRunChunks;
  return static_cast<std::size_t>(std::min<std::uint64_t>(kRunChunks, ChunkCount(suite, expected_size)));
}

/// The table with a new segment at `chunk`. One that has no chunk of its own is replaced, never gone on with:
/// its salt may have been used for writes that were lost.
Layout WithNewSegment(Layout layout, std::uint64_t chunk, const SealHooks& hooks) {
  std::erase_if(layout.segments, [&](const Segment& segment) { return segment.first_chunk >= chunk; });
  Segment segment{.first_chunk = chunk};
  if (hooks.new_salt)
    segment.salt = hooks.new_salt();
  else
    FillRandom(segment.salt);
  layout.segments.push_back(segment);
  return layout;
}

}  // namespace

void ChunkWriter::Release::operator()(std::uint8_t* memory) const { std::free(memory); }

ChunkWriter::ChunkWriter(std::shared_ptr<File> file, BlobIdentity identity, Layout written,
                         std::uint64_t settled, std::uint64_t expected_size, SealHooks hooks)
    : file_(std::move(file)),
      identity_(std::move(identity)),
      hooks_(std::move(hooks)),
      content_(ChunkContent(identity_.suite())),
      capacity_(BufferChunks(identity_.suite(), expected_size)),
      layout_(WithNewSegment(std::move(written), settled / content_, hooks_)),
      cipher_(identity_, static_cast<std::uint32_t>(layout_.segments.size() - 1),
              layout_.segments.back().salt),
      settled_(settled),
      written_(settled) {
  CHECK(settled % content_ == 0 && layout_.suite == identity_.suite());
  tail_.reserve(expected_size == 0 ? content_ : std::min<std::uint64_t>(content_, expected_size));
}

ChunkWriter::~ChunkWriter() { Wipe(tail_); }

Result<> ChunkWriter::Append(Bytes plain) {
  if (!tail_.empty()) {
    const std::size_t fitting = std::min(content_ - tail_.size(), plain.size());
    tail_.insert(tail_.end(), plain.begin(), plain.begin() + static_cast<std::ptrdiff_t>(fitting));
    plain = plain.subspan(fitting);
    if (plain.empty()) return {};
    TRY(SealFull(tail_));
    tail_.clear();
  }
  for (; plain.size() > content_; plain = plain.subspan(content_)) TRY(SealFull(plain.first(content_)));
  tail_.assign(plain.begin(), plain.end());
  return {};
}

Result<> ChunkWriter::SealFull(Bytes plain) {
  Seal(plain, false);
  settled_ += plain.size();
  const bool full = end_ == kHeaderLength + capacity_ * kChunkOnDisk;
  return full || NextChunk() % kRunChunks == 0 ? Write() : Result<>{};
}

void ChunkWriter::Seal(Bytes plain, bool final) {
  Prepare();
  if (hooks_.on_seal) hooks_.on_seal(layout_.segments.back().salt, NextChunk(), final);
  cipher_.Seal(NextChunk(), final, plain, buffer_.get() + end_);
  end_ += plain.size() + TagLength(layout_.suite);
}

void ChunkWriter::Prepare() {
  if (buffer_) return;
  buffer_.reset(
      static_cast<std::uint8_t*>(std::aligned_alloc(kAlignment, kHeaderLength + capacity_ * kChunkOnDisk)));
  CHECK(buffer_ != nullptr);
  begin_ = end_ = kHeaderLength;
  offset_ = ChunkOffset(NextChunk());
  if (NextChunk() == 0) {
    const Header header = EncodeHeader(identity_, layout_.segments.front().salt);
    std::memcpy(buffer_.get(), header.data(), header.size());
    begin_ = 0;
    offset_ = 0;
  }
}

Result<> ChunkWriter::Flush() { return begin_ == end_ ? Result<>{} : Write(); }

/// Writes what the buffer holds and begins it anew.
Result<> ChunkWriter::Write() {
  if (end_ - begin_ >= kRunChunks * kChunkOnDisk && !direct_ && !direct_refused_) {
    direct_ = file_->SetDirect(true).has_value();
    direct_refused_ = !direct_;
  }
  TRY(WriteBuffer(offset_, {buffer_.get() + begin_, end_ - begin_}));
  offset_ += end_ - begin_;
  begin_ = end_ = kHeaderLength;
  written_ = settled_;
  return {};
}

Result<> ChunkWriter::WriteBuffer(std::uint64_t offset, Bytes bytes) {
  const std::string name = identity_.file.name();
  SystemResult<> written = WriteFully(*file_, offset, bytes, direct_ ? kAlignment : 1);
  if (!written && direct_ && written.error().number == EINVAL) {  // offered, but not for this file
    TRY(Lift(file_->SetDirect(false), name));
    direct_ = false;
    direct_refused_ = true;
    written = WriteFully(*file_, offset, bytes);
  }
  if (!written) return Fail(ToError(written.error(), name));
  if (direct_refused_) file_->StartWriteback(offset, bytes.size());
  return {};
}

Result<> ChunkWriter::WriteFinal() {
  Seal(tail_, true);
  const std::uint64_t length = offset_ + (end_ - begin_);
  CHECK(length == FileLength(layout_.suite, received()));
  if (direct_) {
    const std::size_t padding = (kAlignment - end_ % kAlignment) % kAlignment;
    std::memset(buffer_.get() + end_, 0, padding);
    end_ += padding;
  }
  TRY(Flush());
  if (offset_ != length) TRY(Lift(file_->Truncate(length), identity_.file.name()));
  return {};
}

Result<> ChunkWriter::ReadBack(const std::function<void(Bytes)>& sink) {
  const std::string name = identity_.file.name();
  TRY(Flush());
  if (direct_) TRY(Lift(file_->SetDirect(false), name));
  TRY(ReadChunks(*file_, identity_, layout_, 0, NextChunk(), sink));
  sink(tail_);
  if (direct_) TRY(Lift(file_->SetDirect(true), name));
  return {};
}

}  // namespace entrepot::blobs
