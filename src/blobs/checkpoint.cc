#include "blobs/checkpoint.h"

#include "blobs/big_endian.h"

namespace entrepot::blobs {
namespace {

constexpr std::uint8_t kVersion = 1;

std::unexpected<Error> Unreadable() {
  return Fail(ErrorCode::kDamaged, "an upload's checkpoint cannot be read");
}

}  // namespace

ByteVector Checkpoint::Encode() const {
  ByteVector bytes{kVersion};
  AppendBytes(bytes, file.bytes());
  AppendBigEndian(bytes, static_cast<std::uint64_t>(writer_epoch));
  AppendBigEndian(bytes, settled);
  AppendCounted(bytes, layout.Encode());
  AppendCounted(bytes, tail);
  for (const ByteVector& state : hash_states) AppendCounted(bytes, state);
  return bytes;
}

Result<Checkpoint> Checkpoint::Decode(Bytes bytes) {
  ByteReader reader(bytes);
  if (reader.Number<std::uint8_t>() != kVersion || reader.left() < FileId::kLength) return Unreadable();
  Checkpoint checkpoint(TRY(FileId::FromBytes(reader.Take(FileId::kLength))));
  checkpoint.writer_epoch = static_cast<std::int64_t>(reader.Number<std::uint64_t>());
  checkpoint.settled = reader.Number<std::uint64_t>();
  checkpoint.layout = TRY(Layout::Decode(reader.Counted()));
  checkpoint.tail = ToVector(reader.Counted());
  while (reader.left() > 0) checkpoint.hash_states.push_back(ToVector(reader.Counted()));

  const std::size_t content = ChunkContent(checkpoint.layout.suite);
  if (!reader.complete() || checkpoint.settled % content != 0 || checkpoint.tail.size() > content ||
      (checkpoint.settled > 0 && checkpoint.tail.empty()))
    return Unreadable();
  return checkpoint;
}

}  // namespace entrepot::blobs
