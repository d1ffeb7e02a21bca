#include "blobs/progress.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>

#include "base/check.h"
#include "base/crypto.h"
#include "blobs/big_endian.h"
#include "blobs/read_chunks.h"
#include "blobs/stream_hash.h"

namespace entrepot::blobs {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kSlotLength = 1536;
constexpr std::size_t kAround = sizeof(std::uint16_t) + Aead::kNonceLength + Aead::kTagLength;
constexpr std::uint64_t kMostToProve = 16u << 20;
static_assert(kProgressOffset + 2 * kSlotLength == kHeaderLength);

constexpr std::size_t OffsetOf(std::size_t slot) { return kProgressOffset + slot * kSlotLength; }

ByteVector AssociatedWith(const BlobIdentity& identity) {
  ByteVector associated = ToVector(identity.domain.bytes());
  AppendBytes(associated, identity.file.bytes());
  return associated;
}

std::unexpected<Error> Unreadable() {
  return Fail(ErrorCode::kDamaged, "a record of progress cannot be read");
}

}  // namespace

void Progress::Release::operator()(std::uint8_t* memory) const { std::free(memory); }

Progress::Progress(BlobIdentity identity) : identity_(std::move(identity)) {}

Aead Progress::Cipher() const {
  return Aead(DeriveKey(identity_.key_or_zeros().bytes(), {}, AsBytes("entrepot upload progress v1")));
}

/// The block as it is without a record.
void Progress::Prepare(const Layout& layout) {
  if (block_) return;
  block_.reset(static_cast<std::uint8_t*>(std::aligned_alloc(kAlignment, kHeaderLength)));
  CHECK(block_ != nullptr);
  const Header header = EncodeHeader(identity_, layout.segments.front().salt);
  std::memcpy(block_.get(), header.data(), header.size());
}

bool Progress::Put(const DurablePoint& base, const Checkpoint& point) {
  CHECK(base.settled <= point.settled);
  if (point.settled - base.settled > kMostToProve) return false;
  ByteVector record{kVersion};
  AppendBigEndian(record, base.settled);
  record.push_back(static_cast<std::uint8_t>(base.hash_states.size()));
  for (const ByteVector& state : base.hash_states) AppendCounted(record, state);
  AppendCounted(record, point.Encode());
  if (record.size() + kAround > kSlotLength) {
    Wipe(record);
    return false;
  }
  Prepare(point.layout);
  std::uint8_t* slot = block_.get() + OffsetOf(next_);
  std::memset(slot, 0, kSlotLength);
  PutBigEndian(slot, static_cast<std::uint16_t>(record.size()));
  std::uint8_t* const nonce = slot + sizeof(std::uint16_t);
  FillRandom({nonce, Aead::kNonceLength});
  std::uint8_t* const sealed = nonce + Aead::kNonceLength;
  if (!cipher_) cipher_.emplace(Cipher());
  cipher_->Seal({nonce, Aead::kNonceLength}, AssociatedWith(identity_), record, sealed,
                sealed + record.size());
  Wipe(record);
  next_ = (next_ + 1) % kSlots;
  return true;
}

Result<Progress::Record> Progress::Open(std::size_t slot, Bytes stored) const {
  stored = stored.subspan(OffsetOf(slot), kSlotLength);
  const std::size_t length = GetBigEndian<std::uint16_t>(stored.data());
  if (length == 0 || length + kAround > kSlotLength) return Unreadable();
  const Bytes nonce = stored.subspan(sizeof(std::uint16_t), Aead::kNonceLength);
  const Bytes sealed = stored.subspan(sizeof(std::uint16_t) + Aead::kNonceLength, length);
  ByteVector record(length);
  if (!Cipher().Open(nonce, AssociatedWith(identity_), sealed, sealed.data() + length, record.data()))
    return Unreadable();

  ByteReader reader(record);
  if (reader.Number<std::uint8_t>() != kVersion) return Unreadable();
  DurablePoint base{.settled = reader.Number<std::uint64_t>(), .hash_states = {}};
  for (auto count = reader.Number<std::uint8_t>(); count > 0; --count)
    base.hash_states.push_back(ToVector(reader.Counted()));
  const Bytes point = reader.Counted();
  if (!reader.complete()) return Unreadable();
  Record opened{std::move(base), TRY(Checkpoint::Decode(point))};
  Wipe(record);
  const std::size_t content = ChunkContent(identity_.suite());
  if (opened.point.file != identity_.file || opened.base.settled % content != 0 ||
      opened.base.settled > opened.point.settled || !opened.point.layout.CheckKey(identity_))
    return Unreadable();
  return opened;
}

Result<bool> Progress::Proves(const File& file, const Record& record) const {
  StreamHash hash =
      TRY(StreamHash::FromStates(identity_.suite(), record.base.settled, record.base.hash_states));
  const std::size_t content = ChunkContent(identity_.suite());
  const Result<> read = ReadChunks(file, identity_, record.point.layout, record.base.settled / content,
                                   record.point.settled / content, [&](Bytes plain) { hash.Update(plain); });
  if (!read) {
    if (read.error().code() == ErrorCode::kDamaged) return false;
    return Fail(read.error());
  }
  hash.Update(record.point.tail);
  return hash.settled_states() == record.point.hash_states;
}

Result<Checkpoint> Progress::Find(const File& file, Checkpoint start) {
  Header stored;
  if (TRY(Lift(ReadFully(file, 0, stored), identity_.file.name())) < stored.size()) return start;
  struct Candidate {
    std::size_t slot;
    Record record;
  };
  std::vector<Candidate> candidates;
  for (std::size_t slot = 0; slot < kSlots; ++slot) {
    Result<Record> record = Open(slot, stored);
    if (record && record->point.settled > start.settled) candidates.push_back({slot, *std::move(record)});
  }
  std::ranges::sort(candidates, std::greater{},
                    [](const Candidate& one) { return one.record.point.settled; });
  for (Candidate& one : candidates) {
    if (!TRY(Proves(file, one.record))) continue;
    Prepare(one.record.point.layout);
    std::memcpy(block_.get() + OffsetOf(one.slot), stored.data() + OffsetOf(one.slot), kSlotLength);
    next_ = (one.slot + 1) % kSlots;
    return std::move(one.record.point);
  }
  return start;
}

}  // namespace entrepot::blobs
