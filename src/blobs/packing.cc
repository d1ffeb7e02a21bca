#include "blobs/packing.h"

#include <algorithm>
#include <zstd.h>

#include "base/check.h"
#include "blobs/big_endian.h"

namespace entrepot::blobs {
namespace {

constexpr std::size_t kBlock = 1 << 20;
constexpr std::size_t kLengthBytes = 4;
constexpr std::uint32_t kAsItWas = 1u << 31;
constexpr int kLevel = 6;  // more costs much time for little: what is archived is mostly compressed already

std::unexpected<Error> NoBlock() { return Fail(ErrorCode::kDamaged, "archived content is not well packed"); }

}  // namespace

struct Packer::Context {
  Context() { CHECK(zstd != nullptr); }
  ~Context() { ZSTD_freeCCtx(zstd); }
  ZSTD_CCtx* const zstd = ZSTD_createCCtx();
};

Packer::Packer(ByteSink sink)
    : context_(std::make_unique<Context>()),
      sink_(std::move(sink)),
      packed_(kLengthBytes + ZSTD_compressBound(kBlock)) {
  block_.reserve(kBlock);
}
Packer::~Packer() = default;

Result<> Packer::Append(Bytes content) {
  while (!content.empty()) {
    const Bytes part = content.first(std::min(content.size(), kBlock - block_.size()));
    AppendBytes(block_, part);
    content = content.subspan(part.size());
    if (block_.size() == kBlock) TRY(PackBlock());
  }
  return {};
}

Result<> Packer::Finish() { return block_.empty() ? Result<>() : PackBlock(); }

Result<> Packer::PackBlock() {
  const std::size_t length =
      ZSTD_compressCCtx(context_->zstd, packed_.data() + kLengthBytes, packed_.size() - kLengthBytes,
                        block_.data(), block_.size(), kLevel);
  const bool saves =
      !ZSTD_isError(length) && length <= block_.size() - block_.size() / 16 && length < block_.size();
  if (!saves) std::ranges::copy(block_, packed_.begin() + kLengthBytes);
  const std::size_t stored = saves ? length : block_.size();
  PutBigEndian(packed_.data(), static_cast<std::uint32_t>(stored) | (saves ? 0 : kAsItWas));
  block_.clear();
  return sink_(Bytes(packed_).first(kLengthBytes + stored));
}

struct Unpacker::Context {
  Context() { CHECK(zstd != nullptr); }
  ~Context() { ZSTD_freeDCtx(zstd); }
  ZSTD_DCtx* const zstd = ZSTD_createDCtx();
};

Unpacker::Unpacker(ByteSink sink)
    : context_(std::make_unique<Context>()), sink_(std::move(sink)), content_(kBlock) {}
Unpacker::~Unpacker() = default;

Result<> Unpacker::Append(Bytes packed) {
  AppendBytes(pending_, packed);
  Bytes rest = pending_;
  while (rest.size() >= kLengthBytes) {
    const auto head = GetBigEndian<std::uint32_t>(rest.data());
    const std::size_t length = head & ~kAsItWas;
    if (length == 0 || length > kBlock) return NoBlock();
    if (rest.size() < kLengthBytes + length) break;
    TRY(UnpackBlock(rest.subspan(kLengthBytes, length), (head & kAsItWas) != 0));
    rest = rest.subspan(kLengthBytes + length);
  }
  pending_.erase(pending_.begin(), pending_.end() - static_cast<std::ptrdiff_t>(rest.size()));
  return {};
}

Result<> Unpacker::UnpackBlock(Bytes block, bool as_it_was) {
  if (as_it_was) return sink_(block);
  const std::size_t length =
      ZSTD_decompressDCtx(context_->zstd, content_.data(), content_.size(), block.data(), block.size());
  if (ZSTD_isError(length)) return NoBlock();
  return sink_(Bytes(content_).first(length));
}

Result<> Unpacker::Finish() { return pending_.empty() ? Result<>() : NoBlock(); }

Result<> ReadAll(const BlobReader& blob, const ByteSink& sink) {
  ByteVector buffer(std::min<std::uint64_t>(blob.size(), 16 * ChunkContent(blob.suite())));
  for (std::uint64_t offset = 0; offset < blob.size();) {
    const std::size_t length = TRY(blob.Read(offset, buffer));
    TRY(sink(Bytes(buffer).first(length)));
    offset += length;
  }
  return {};
}

Result<> UnpackAll(const BlobReader& blob, const ByteSink& sink) {
  Unpacker unpacker(sink);
  TRY(ReadAll(blob, [&](Bytes packed) { return unpacker.Append(packed); }));
  return unpacker.Finish();
}

Result<Digest> ComputeUnpackedDigest(const BlobReader& blob, HashAlgorithm algorithm) {
  Hasher hasher(algorithm);
  TRY(UnpackAll(blob, [&](Bytes content) -> Result<> {
    hasher.Update(content);
    return {};
  }));
  return Digest::FromHash(algorithm, hasher.Value());
}

}  // namespace entrepot::blobs
