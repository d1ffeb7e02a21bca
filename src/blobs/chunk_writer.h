#pragma once

// Turns a stream of plaintext into the chunks of a file, in order, one segment a writer. A chunk is sealed
// once at least one byte behind it has come, so that the final one can be marked (design-storage 2.3); the
// rest is the tail.
//
// Chunks are gathered in an aligned buffer, and written when a run of them is full (a MiB); from the first
// one on the file is written with direct I/O where the file system offers it, else buffered with early
// write-back. What never fills a run stays buffered.
//
// One thread at a time. After an error the writer is of no more use.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "base/result.h"
#include "blobs/file_layer.h"
#include "blobs/format.h"
#include "blobs/layout.h"

namespace entrepot::blobs {

/// A test seam: fixed salts, and a witness of every seal.
struct SealHooks {
  std::function<Salt()> new_salt = {};  // empty = random
  std::function<void(const Salt&, std::uint64_t chunk, bool final)> on_seal = {};
};

class ChunkWriter {
 public:
  /// Goes on behind `settled` bytes, which fill whole chunks that `written` describes; an empty table and 0
  /// for a new file. `expected_size` is a hint for the buffer, 0 = unknown.
  ChunkWriter(std::shared_ptr<File> file, BlobIdentity identity, Layout written, std::uint64_t settled,
              std::uint64_t expected_size, SealHooks hooks);
  ChunkWriter(ChunkWriter&&) = default;
  ~ChunkWriter();

  Result<> Append(Bytes plain);
  /// Hands everything but the tail to the file. Not a sync.
  Result<> Flush();
  /// Replaces the first block of a file that has chunks already. Not a sync.
  Result<> WriteHeader(Bytes block) { return WriteBuffer(0, block); }
  /// Seals the tail as the final chunk, writes what is left, and cuts the file to its exact length. Not a
  /// sync.
  Result<> WriteFinal();

  /// Plaintext that is in no chunk yet: bytes settled() to received().
  Bytes tail() const { return {tail_.data(), tail_.size()}; }
  std::uint64_t received() const { return settled_ + tail_.size(); }
  std::uint64_t settled() const { return settled_; }
  /// How much of it has been handed to the file.
  std::uint64_t written() const { return written_; }
  const Layout& layout() const { return layout_; }

  /// Gives `sink` the plaintext of everything received so far, read back from the file. kDamaged when it does
  /// not verify. Before WriteFinal.
  Result<> ReadBack(const std::function<void(Bytes)>& sink);

 private:
  struct Release {
    void operator()(std::uint8_t* memory) const;
  };

  void Seal(Bytes plain, bool final);
  Result<> SealFull(Bytes plain);
  Result<> Write();
  Result<> WriteBuffer(std::uint64_t offset, Bytes bytes);
  std::uint64_t NextChunk() const { return settled_ / content_; }
  void Prepare();

  const std::shared_ptr<File> file_;
  const BlobIdentity identity_;
  const SealHooks hooks_;
  const std::size_t content_;   // plaintext of a full chunk
  const std::size_t capacity_;  // chunks of the buffer
  Layout layout_;
  ChunkCipher cipher_;
  std::uint64_t settled_;
  std::uint64_t written_;
  ByteVector tail_;

  // Room for the header, then for capacity_ chunks; what lies in [begin_, end_) is still to be written, and
  // begin_ corresponds to offset_ in the file. Allocated with the first chunk.
  std::unique_ptr<std::uint8_t[], Release> buffer_;
  std::size_t begin_ = 0, end_ = 0;
  std::uint64_t offset_ = 0;
  bool direct_ = false, direct_refused_ = false;
};

}  // namespace entrepot::blobs
