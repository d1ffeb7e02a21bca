#include "blobs/reader.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace entrepot::blobs {
namespace {

/// Stored chunks that are fetched at once: small enough to stay in the processor's cache until they are
/// opened.
constexpr std::size_t kFetchChunks = 4;
constexpr std::uint64_t kAskEvery = 1 << 20;
constexpr std::uint64_t kNoChunk = ~std::uint64_t{0};

}  // namespace

/// Opens chunks one after another. What a caller took only a part of stays opened for the next call.
class ChunkReader {
 public:
  ChunkReader(const File& file, const BlobIdentity& identity, const Layout& layout, std::uint64_t size)
      : file_(file),
        identity_(identity),
        layout_(layout),
        size_(size),
        content_(ChunkContent(layout.suite)),
        last_chunk_(ChunkCount(layout.suite, size) - 1) {}

  /// Fills `out`, which ends within the blob.
  Result<> Read(std::uint64_t offset, MutableBytes out) {
    if (layout_.suite == Suite::kPlain) return ReadPlain(offset, out);
    while (!out.empty()) {
      const std::uint64_t chunk = offset / content_;
      const std::size_t skipped = offset % content_, length = PlainLength(chunk);
      const std::size_t taken = std::min(length - skipped, out.size());
      if (taken == length && chunk != opened_chunk_) {
        TRY(Open(chunk, out.size() / content_ + 1, out.data()));
      } else {
        if (chunk != opened_chunk_) TRY(Keep(chunk, out.size() / content_ + 1));
        std::memcpy(out.data(), opened_.data() + skipped, taken);
      }
      out = out.subspan(taken);
      offset += taken;
    }
    return {};
  }

  /// How many of `length` bytes from `offset` on to read at once, so that the last chunk, unless the caller
  /// wants no more than `end`, is whole: what is left of one would be opened aside and copied.
  std::size_t WholeChunks(std::uint64_t offset, std::size_t length, std::uint64_t end) const {
    const std::uint64_t boundary = (offset + length) / content_ * content_;
    const bool short_of_it = offset + length < end && boundary > offset && layout_.suite != Suite::kPlain;
    return short_of_it ? boundary - offset : length;
  }

  /// Opens the empty chunk of an empty blob: what is stored must verify there too.
  Result<> CheckEmpty() {
    std::uint8_t none;
    return Open(0, 1, &none);
  }

 private:
  std::size_t PlainLength(std::uint64_t chunk) const {
    return chunk == last_chunk_ ? size_ - chunk * content_ : content_;
  }
  std::size_t StoredLength(std::uint64_t chunk) const {
    return PlainLength(chunk) + TagLength(layout_.suite);
  }

  Result<> ReadPlain(std::uint64_t offset, MutableBytes out) {
    const std::size_t length =
        TRY(Lift(ReadFully(file_, kHeaderLength + offset, out), identity_.file.name()));
    return length == out.size() ? Result<>{} : TooShort();
  }

  std::unexpected<Error> TooShort() const {
    return Fail(ErrorCode::kDamaged, "blob file " + identity_.file.name() + " is too short");
  }

  Result<> Keep(std::uint64_t chunk, std::size_t wanted) {
    opened_.resize(content_);
    opened_chunk_ = kNoChunk;
    TRY(Open(chunk, wanted, opened_.data()));
    opened_chunk_ = chunk;
    return {};
  }

  /// `wanted` says how many chunks from this one on are likely to be asked for.
  Result<> Open(std::uint64_t chunk, std::size_t wanted, std::uint8_t* out) {
    if (Result<Bytes> stored = Fetched(chunk, wanted); !stored)
      return Fail(std::move(stored).error());
    else if (Cipher(chunk).Open(chunk, chunk == last_chunk_, *stored, out))
      return {};
    // Damage needs two failed reads (1.11): once more, from the disk.
    file_.DropCache(ChunkOffset(chunk), kChunkOnDisk);
    fetched_.clear();
    const Bytes stored = TRY(Fetched(chunk, 1));
    if (Cipher(chunk).Open(chunk, chunk == last_chunk_, stored, out)) return {};
    return Fail(ErrorCode::kDamaged, "chunk " + std::to_string(chunk) + " of blob file " +
                                         identity_.file.name() + " does not verify");
  }

  Result<Bytes> Fetched(std::uint64_t chunk, std::size_t wanted) {
    const std::size_t length = StoredLength(chunk);
    if (chunk < first_fetched_ || (chunk - first_fetched_) * kChunkOnDisk + length > fetched_.size())
      TRY(Fetch(chunk, std::min(wanted, kFetchChunks)));
    return Bytes(fetched_).subspan((chunk - first_fetched_) * kChunkOnDisk, length);
  }

  Result<> Fetch(std::uint64_t chunk, std::size_t count) {
    const std::uint64_t last = std::min<std::uint64_t>(chunk + count - 1, last_chunk_);
    fetched_.resize((last - chunk) * kChunkOnDisk + StoredLength(last));
    first_fetched_ = chunk;
    const std::size_t length =
        TRY(Lift(ReadFully(file_, ChunkOffset(chunk), fetched_), identity_.file.name()));
    if (length == fetched_.size()) return {};
    fetched_.clear();
    return TooShort();
  }

  ChunkCipher& Cipher(std::uint64_t chunk) {
    const std::uint32_t segment = layout_.SegmentOf(chunk);
    if (!cipher_ || segment != segment_) {
      cipher_.emplace(identity_, segment, layout_.segments[segment].salt);
      segment_ = segment;
    }
    return *cipher_;
  }

  const File& file_;
  const BlobIdentity& identity_;
  const Layout& layout_;
  const std::uint64_t size_;
  const std::size_t content_;
  const std::uint64_t last_chunk_;

  std::optional<ChunkCipher> cipher_;
  std::uint32_t segment_ = 0;
  ByteVector fetched_;  // stored chunks from first_fetched_ on
  std::uint64_t first_fetched_ = 0;
  ByteVector opened_;
  std::uint64_t opened_chunk_ = kNoChunk;
};

namespace {

class ChunkSource final : public http::BodySource {
 public:
  ChunkSource(std::shared_ptr<const BlobReader> blob, ChunkReader reader, std::uint64_t offset,
              std::uint64_t length, StillAllowed still_allowed)
      : blob_(std::move(blob)),
        reader_(std::move(reader)),
        length_(length),
        offset_(offset),
        end_(offset + length),
        still_allowed_(std::move(still_allowed)) {}

  std::uint64_t length() const override { return length_; }

  Result<std::size_t> Read(MutableBytes out) override {
    out = out.first(std::min<std::uint64_t>(out.size(), end_ - offset_));
    out = out.first(reader_.WholeChunks(offset_, out.size(), end_));
    for (std::size_t done = 0; done < out.size(); done += kAskEvery) {
      if (still_allowed_ && !still_allowed_())
        return Fail(ErrorCode::kKeyFailure, "a key was disabled meanwhile");
      const MutableBytes part = out.subspan(done, std::min<std::size_t>(kAskEvery, out.size() - done));
      TRY(reader_.Read(offset_, part));
      offset_ += part.size();
    }
    return out.size();
  }

 private:
  const std::shared_ptr<const BlobReader> blob_;  // what reader_ refers to
  ChunkReader reader_;
  const std::uint64_t length_;
  std::uint64_t offset_;
  const std::uint64_t end_;
  const StillAllowed still_allowed_;
};

}  // namespace

BlobReader::BlobReader(std::shared_ptr<const File> file, BlobIdentity identity, Layout layout,
                       std::uint64_t size)
    : file_(std::move(file)), identity_(std::move(identity)), layout_(std::move(layout)), size_(size) {}

Result<std::shared_ptr<const BlobReader>> BlobReader::Open(std::shared_ptr<const File> file,
                                                           BlobIdentity identity, Bytes layout_bytes,
                                                           std::uint64_t size) {
  Layout layout = TRY(Layout::Decode(layout_bytes));
  TRY(layout.CheckKey(identity));
  const std::string name = identity.file.name();
  const FileStatus status = TRY(Lift(file->Status(), name));
  if (layout.segments.back().first_chunk >= ChunkCount(layout.suite, size) ||
      status.size != FileLength(layout.suite, size))
    return Fail(ErrorCode::kDamaged, "blob file " + name + " has another length than its row says");
  Header header;
  TRY(Lift(ReadFully(*file, 0, header), name));
  TRY(CheckHeader(header, identity, layout.segments.front().salt));

  std::shared_ptr<const BlobReader> reader(
      new BlobReader(std::move(file), std::move(identity), std::move(layout), size));
  if (size == 0) TRY(ChunkReader(*reader->file_, reader->identity_, reader->layout_, 0).CheckEmpty());
  return reader;
}

Result<std::size_t> BlobReader::Read(std::uint64_t offset, MutableBytes out) const {
  if (offset >= size_) return 0;
  out = out.first(std::min<std::uint64_t>(out.size(), size_ - offset));
  TRY(ChunkReader(*file_, identity_, layout_, size_).Read(offset, out));
  return out.size();
}

std::unique_ptr<http::BodySource> BlobReader::Stream(std::uint64_t offset, std::uint64_t length,
                                                     StillAllowed still_allowed) const {
  CHECK(offset <= size_ && length <= size_ - offset);
  return std::make_unique<ChunkSource>(shared_from_this(), ChunkReader(*file_, identity_, layout_, size_),
                                       offset, length, std::move(still_allowed));
}

http::FileRange BlobReader::Range(std::uint64_t offset, std::uint64_t length) const {
  CHECK(suite() == Suite::kPlain && offset <= size_ && length <= size_ - offset);
  return {file_->descriptor(), kHeaderLength + offset, length};
}

Result<Digest> BlobReader::ComputeDigest(HashAlgorithm algorithm) const {
  Hasher hasher(algorithm);
  ChunkReader reader(*file_, identity_, layout_, size_);
  ByteVector plain(std::min<std::uint64_t>(size_, ChunkContent(layout_.suite)));
  for (std::uint64_t offset = 0; offset < size_; offset += plain.size()) {
    const MutableBytes part =
        MutableBytes(plain).first(std::min<std::uint64_t>(plain.size(), size_ - offset));
    TRY(reader.Read(offset, part));
    hasher.Update(part);
  }
  return Digest::FromHash(algorithm, hasher.Value());
}

}  // namespace entrepot::blobs
