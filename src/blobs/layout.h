#pragma once

// What a row must know to read a blob file: its suite and its segments (`blobs.layout`). The data key's wrap
// binds the hash of these bytes (design-storage 2.4).
//
//   version(1) suite(1) count(4) and for each segment: first chunk(8) salt(32)

#include <cstdint>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "blobs/format.h"

namespace entrepot::blobs {

/// A run of chunks written forwards by one process under one salt (design-storage 2.3).
struct Segment {
  std::uint64_t first_chunk = 0;
  Salt salt{};
  friend bool operator==(const Segment&, const Segment&) = default;
};

struct Layout {
  Suite suite = Suite::kPlain;
  std::vector<Segment> segments;  // the first begins at chunk 0, the others ascend

  ByteVector Encode() const;
  /// kDamaged when the bytes are not exactly a layout.
  static Result<Layout> Decode(Bytes bytes);
  /// kKeyFailure unless `identity` has a data key exactly when the suite wants one.
  Result<> CheckKey(const BlobIdentity& identity) const;
  /// The number of the segment that holds a chunk.
  std::uint32_t SegmentOf(std::uint64_t chunk) const;
  friend bool operator==(const Layout&, const Layout&) = default;
};

}  // namespace entrepot::blobs
