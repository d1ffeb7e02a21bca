#pragma once

// The packed form that content has in the archive, inside the encryption: blocks of at most a MiB of content,
// each compressed by itself where that saves a sixteenth, so that both directions stream in bounded memory
// and nothing grows by more than four bytes a block.
//
//   block: length of what follows (4, big-endian; the top bit is set when it is the content as it was), bytes
//
// One thread at a time. A sink's error ends the work.

#include <cstdint>
#include <functional>
#include <memory>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/result.h"
#include "blobs/reader.h"

namespace entrepot::blobs {

using ByteSink = std::function<Result<>(Bytes)>;

class Packer {
 public:
  /// The sink takes the packed form, a block at a time.
  explicit Packer(ByteSink sink);
  ~Packer();

  Result<> Append(Bytes content);
  Result<> Finish();

 private:
  Result<> PackBlock();

  struct Context;
  const std::unique_ptr<Context> context_;
  const ByteSink sink_;
  ByteVector block_, packed_;
};

class Unpacker {
 public:
  /// The sink takes the content, a block at a time.
  explicit Unpacker(ByteSink sink);
  ~Unpacker();

  /// kDamaged when it is not what a Packer wrote.
  Result<> Append(Bytes packed);
  Result<> Finish();

 private:
  Result<> UnpackBlock(Bytes block, bool as_it_was);

  struct Context;
  const std::unique_ptr<Context> context_;
  const ByteSink sink_;
  ByteVector pending_, content_;
};

/// Gives the sink all of a blob, about a MiB at a time.
Result<> ReadAll(const BlobReader& blob, const ByteSink& sink);
/// The same for content that is packed in the blob.
Result<> UnpackAll(const BlobReader& blob, const ByteSink& sink);
/// Of the content that is packed in the blob.
Result<Digest> ComputeUnpackedDigest(const BlobReader& blob, HashAlgorithm algorithm);

}  // namespace entrepot::blobs
