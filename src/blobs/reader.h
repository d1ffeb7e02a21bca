#pragma once

// Reads one blob file. No byte leaves it before its chunk's tag has verified; a chunk counts as damaged only
// when it failed twice, the second time from the disk (design-storage 1.11, 2.5).
//
// A BlobReader is immutable and safe from any thread; it shares the open file with others. The streams it
// makes belong to one thread at a time. Errors: kDamaged where stored bytes fail their check, kStorageFault
// where the disk fails.

#include <cstdint>
#include <functional>
#include <memory>

#include "base/digest.h"
#include "base/result.h"
#include "blobs/file_layer.h"
#include "blobs/format.h"
#include "blobs/layout.h"
#include "http/body.h"

namespace entrepot::blobs {

/// False = the stream may not go on (a key was disabled): it ends with kKeyFailure. Asked at every read and
/// at least every MiB.
using StillAllowed = std::function<bool()>;

class BlobReader : public std::enable_shared_from_this<BlobReader> {
 public:
  /// Checks the header and that the file is exactly as long as a blob of `size` bytes is (kDamaged
  /// otherwise). `layout` is the row's; identity.data_key is absent exactly when its suite is kPlain
  /// (kKeyFailure otherwise).
  static Result<std::shared_ptr<const BlobReader>> Open(std::shared_ptr<const File> file,
                                                        BlobIdentity identity, Bytes layout,
                                                        std::uint64_t size);

  const FileId& id() const { return identity_.file; }
  const DomainId& domain() const { return identity_.domain; }
  std::uint64_t size() const { return size_; }
  Suite suite() const { return layout_.suite; }
  const std::shared_ptr<const File>& file() const { return file_; }

  /// Fills `out` from `offset` on; less only at the end of the blob.
  Result<std::size_t> Read(std::uint64_t offset, MutableBytes out) const;

  /// The bytes [offset, offset + length), which must lie in the blob, as an answer's body.
  std::unique_ptr<http::BodySource> Stream(std::uint64_t offset, std::uint64_t length,
                                           StillAllowed still_allowed = {}) const;
  /// The same as a range of the file for sendfile: for suite kPlain only.
  http::FileRange Range(std::uint64_t offset, std::uint64_t length) const;

  /// Reads the whole blob once.
  Result<Digest> ComputeDigest(HashAlgorithm algorithm) const;

 private:
  BlobReader(std::shared_ptr<const File> file, BlobIdentity identity, Layout layout, std::uint64_t size);

  std::shared_ptr<const File> file_;
  BlobIdentity identity_;
  Layout layout_;
  std::uint64_t size_;
};

}  // namespace entrepot::blobs
