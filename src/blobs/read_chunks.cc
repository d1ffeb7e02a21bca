#include "blobs/read_chunks.h"

#include <optional>
#include <string>

namespace entrepot::blobs {

Result<> ReadChunks(const File& file, const BlobIdentity& identity, const Layout& layout, std::uint64_t first,
                    std::uint64_t end, const std::function<void(Bytes)>& sink) {
  const std::string name = identity.file.name();
  ByteVector stored(kChunkOnDisk);
  std::optional<ChunkCipher> cipher;
  std::uint32_t segment = 0;
  for (std::uint64_t chunk = first; chunk < end; ++chunk) {
    if (!cipher || segment != layout.SegmentOf(chunk)) {
      segment = layout.SegmentOf(chunk);
      cipher.emplace(identity, segment, layout.segments[segment].salt);
    }
    const std::size_t length = TRY(Lift(ReadFully(file, ChunkOffset(chunk), stored), name));
    if (length != kChunkOnDisk || !cipher->Open(chunk, false, stored, stored.data()))
      return Fail(ErrorCode::kDamaged, "chunk " + std::to_string(chunk) + " of " + name + " does not verify");
    sink(Bytes(stored).first(ChunkContent(layout.suite)));
  }
  return {};
}

}  // namespace entrepot::blobs
