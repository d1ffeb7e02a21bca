#pragma once

// How far an upload in chunks has come, kept in its own file (docs/decisions/0010): two slots in the room
// that the header's block leaves free hold the last two records. A finished blob's mean nothing.
//
//   1024  slot 0, 1536 bytes: length(2), nonce(12), sealed record, tag(16), zeros
//   2560  slot 1
//
//   record: version(1) base settled(8) count(1) base hash states, then the point (checkpoint.h): each
//           length(4) and bytes
//   key    = HKDF-SHA256(data key, no salt, "entrepot upload progress v1"), of zeros in suite 1
//   associated data = domain (16) ‖ file id (16)
//
// A record proves itself: its base was durable before it was written, and the content from there to its point
// has to hash from the base's states to the point's. So a record and its content need one sync between them,
// whatever of the two reaches the disk first; and the older record stays until the newer one is synced. A
// block of 4096 bytes may be torn between sectors: what a write does not change in it stays what it is.

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/aead.h"
#include "base/bytes.h"
#include "base/result.h"
#include "blobs/checkpoint.h"
#include "blobs/file_layer.h"
#include "blobs/format.h"

namespace entrepot::blobs {

/// Where the content of a file is durable up to, with the hash states there.
struct DurablePoint {
  std::uint64_t settled = 0;
  std::vector<ByteVector> hash_states;
};

/// One thread at a time.
class Progress {
 public:
  explicit Progress(BlobIdentity identity);

  /// The furthest point that `start`, which is durable, or a record of the file proves. Reads as much of the
  /// content as lies between a record's base and its point. Put goes on from it.
  Result<Checkpoint> Find(const File& file, Checkpoint start);

  /// Puts a record in the slot of the older one. False, with nothing done, when it is too long or too far
  /// from its base to be proved soon.
  bool Put(const DurablePoint& base, const Checkpoint& point);
  /// The file's first block with the records, aligned for direct I/O: what it has to hold after a Put.
  Bytes block() const { return {block_.get(), kHeaderLength}; }

 private:
  struct Release {
    void operator()(std::uint8_t* memory) const;
  };
  struct Record {
    DurablePoint base;
    Checkpoint point;
  };
  static constexpr std::size_t kSlots = 2;

  Result<Record> Open(std::size_t slot, Bytes stored) const;
  Result<bool> Proves(const File& file, const Record& record) const;
  void Prepare(const Layout& layout);
  Aead Cipher() const;

  const BlobIdentity identity_;
  std::optional<Aead> cipher_;                      // of Put
  std::unique_ptr<std::uint8_t[], Release> block_;  // none until it is needed
  std::size_t next_ = 0;                            // the slot to put the next record in
};

}  // namespace entrepot::blobs
