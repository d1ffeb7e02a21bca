#pragma once

// What an upload needs to go on after a crash (design-storage 1.2): the hash states at the last settled chunk
// boundary C, the plaintext from C to N, and the segment table. It holds content and is sealed before it is
// stored.
//
//   version(1) file id(16) writer epoch(8) settled C(8) layout, tail, hash states: each length(4) and bytes

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "blobs/file_id.h"
#include "blobs/layout.h"

namespace entrepot::blobs {

struct Checkpoint {
  explicit Checkpoint(const FileId& id) : file(id) {}

  FileId file;
  std::int64_t writer_epoch = 0;
  std::uint64_t settled = 0;
  Layout layout;
  ByteVector tail;
  std::vector<ByteVector> hash_states;  // Hasher::ExportState of each algorithm, at `settled`

  ByteVector Encode() const;
  /// kDamaged when the bytes are not exactly a checkpoint.
  static Result<Checkpoint> Decode(Bytes bytes);
};

}  // namespace entrepot::blobs
