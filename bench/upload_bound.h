#pragma once

// What every upload of the bound shares: what is done to the bytes, and the file they go to.

#include <atomic>
#include <optional>
#include <string>

#include "base/aead.h"
#include "base/fd.h"
#include "base/hasher.h"
#include "bench/bound_server.h"

namespace entrepot::bench {

/// Which work an upload gets, one letter each: s = SHA-256, w = write to a file, f = fdatasync before the
/// answer, e = AES-256-GCM over what is written, d = O_DIRECT with receiving, hashing and writing in three
/// threads (implies w).
struct UploadWork {
  bool hash = false, write = false, sync = false, seal = false, direct = false;
  std::string directory;

  static std::optional<UploadWork> Parse(std::string_view letters, std::string directory);
};

/// Encrypts runs of bytes in chunks of 64 KiB, each under its own nonce, as stored blobs are.
class ChunkSealer {
 public:
  ChunkSealer() : aead_(SecretKey::Generate(), Aead::Implementation::kFastest) {}
  /// `out` has the length of `plain`; the tags are computed and dropped.
  void Seal(Bytes plain, std::uint8_t* out);

 private:
  Aead aead_;
  std::uint64_t next_chunk_ = 0;
};

/// A file of one upload; gone from its directory as soon as the upload is done.
class UploadFile {
 public:
  UploadFile(const UploadWork& work, int extra_flags);
  ~UploadFile();
  /// At `offset`. Stops the process when the disk refuses: a bound that did not write is none.
  void Write(Bytes bytes, std::uint64_t offset);
  void Finish(std::uint64_t length);

 private:
  const UploadWork& work_;
  std::string path_;
  UniqueFd file_;
};

/// Receive, hash, seal and write in turn, in one thread, through the page cache. False when the client is
/// gone.
bool StoreInTurn(BoundRequests& requests, const UploadWork& work);
/// Receive ∥ hash ∥ seal and write over a ring of aligned blocks, past the page cache. False when the client
/// is gone.
bool StoreOverlapped(BoundRequests& requests, const UploadWork& work);

}  // namespace entrepot::bench
