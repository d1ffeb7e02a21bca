#pragma once

// The bytes of a blob file (design-storage 2.3, 2.4). All integers are big-endian.
//
//   0      header, 1024 bytes: see Header
//   1024   progress of the upload (progress.h), of no meaning to a reader
//   4096   chunk 0, 65,536 bytes: ciphertext and 16-byte tag
//   69632  chunk 1 …
//          the final chunk is shorter, or exactly full; an empty blob is one empty final chunk
//
//   suite         plaintext of a chunk   tag
//   1 plain       65,536                 none: the operator encrypts the disk below
//   2 AES-256-GCM 65,520                 16
//   3 reserved for KMS_DSSE (65,504 and two tags)
//
//   key of a segment = HKDF-SHA256(data key, segment's salt, "entrepot blob v1" ‖ suite ‖ layer)
//   nonce            = chunk index in the file (8) ‖ 000000 ‖ 01 for the final chunk, else 00
//   associated data  = domain (16) ‖ file id (16) ‖ segment number (4) ‖ layer (1) ‖ chunk size on disk (4)
//   MAC of header    = HMAC-SHA256(HKDF-SHA256(data key, no salt, "header"), bytes 0 to 79)
//
// Files of suite 1 use a key of zeros where the format wants one: their MAC tells accident, not intent.

#include <array>
#include <cstdint>
#include <optional>

#include "base/aead.h"
#include "base/result.h"
#include "blobs/file_id.h"

namespace entrepot::blobs {

enum class Suite : std::uint8_t { kPlain = 1, kAes256Gcm = 2 };  // values are stored

inline constexpr std::size_t kHeaderLength = 4096;  // with what lies behind it
inline constexpr std::size_t kProgressOffset = 1024;
inline constexpr std::size_t kChunkOnDisk = 65'536;
inline constexpr std::size_t kAlignment = 4096;  // of direct I/O

constexpr std::size_t TagLength(Suite suite) { return suite == Suite::kPlain ? 0 : Aead::kTagLength; }
/// Plaintext bytes of a full chunk.
constexpr std::size_t ChunkContent(Suite suite) { return kChunkOnDisk - TagLength(suite); }
constexpr std::uint64_t ChunkOffset(std::uint64_t index) { return kHeaderLength + index * kChunkOnDisk; }
/// How many chunks a blob of `size` bytes has: at least one.
constexpr std::uint64_t ChunkCount(Suite suite, std::uint64_t size) {
  return size == 0 ? 1 : (size - 1) / ChunkContent(suite) + 1;
}
/// The exact length of the file of a blob of `size` bytes.
constexpr std::uint64_t FileLength(Suite suite, std::uint64_t size) {
  const std::uint64_t full = ChunkCount(suite, size) - 1;
  return ChunkOffset(full) + (size - full * ChunkContent(suite)) + TagLength(suite);
}
/// Chunks that are written to the file at once; runs begin at multiples of it.
constexpr std::uint64_t kRunChunks = 16;
constexpr std::uint64_t RunContent(Suite suite) { return kRunChunks * ChunkContent(suite); }
/// How many of `received` bytes are in chunks that certainly are not final: what may be written while more
/// may come.
constexpr std::uint64_t SettledContent(Suite suite, std::uint64_t received) {
  return (ChunkCount(suite, received) - 1) * ChunkContent(suite);
}

/// Where files may be shared: a row of `domains` (design-storage 2.2).
struct DomainId {
  std::int64_t registry = 0;
  std::int64_t domain = 0;
  std::array<std::uint8_t, 16> bytes() const;
  friend bool operator==(const DomainId&, const DomainId&) = default;
};

/// What every chunk of a file is bound to. Without a data key the file is of suite kPlain.
struct BlobIdentity {
  FileId file;
  DomainId domain;
  std::optional<SecretKey> data_key;

  Suite suite() const { return data_key ? Suite::kAes256Gcm : Suite::kPlain; }
  SecretKey key_or_zeros() const;
};

using Salt = std::array<std::uint8_t, 32>;

/// magic(8) version(2) suite(1) 0(1) chunk size(4) file id(16) domain(16) first salt(32) MAC(32), zeros.
using Header = std::array<std::uint8_t, kHeaderLength>;
Header EncodeHeader(const BlobIdentity& identity, const Salt& first_salt);
/// kDamaged unless `stored` begins with exactly the header of this file.
Result<> CheckHeader(Bytes stored, const BlobIdentity& identity, const Salt& first_salt);

/// The cipher of one segment. Not thread-safe.
class ChunkCipher {
 public:
  ChunkCipher(const BlobIdentity& identity, std::uint32_t segment, const Salt& salt);

  /// Writes the stored form of a chunk: plain.size() + TagLength bytes. No chunk is sealed twice under one
  /// salt.
  void Seal(std::uint64_t index, bool final, Bytes plain, std::uint8_t* out);
  /// False when the chunk is not the one that was sealed at this place; `out` then holds nothing of use.
  /// `out` has room for stored.size() - TagLength bytes and may be the same memory.
  [[nodiscard]] bool Open(std::uint64_t index, bool final, Bytes stored, std::uint8_t* out);

 private:
  std::optional<Aead> aead_;  // none for kPlain
  std::array<std::uint8_t, 41> associated_;
};

}  // namespace entrepot::blobs
