#pragma once

// SHA-256 and SHA-512 as streams whose state can be exported in mid-stream, so that an upload goes on after a
// crash without reading back what it hashed (design-storage 1.2). OpenSSL's EVP cannot export its state; this
// is the one file that uses the lower-level contexts. The exported form has a version and is independent of
// their layout.
//
// A Hasher belongs to one thread at a time.

#include <array>
#include <memory>

#include "base/bytes.h"
#include "base/result.h"

namespace entrepot {

enum class HashAlgorithm : std::uint8_t { kSha256 = 1, kSha512 = 2 };  // values are stored

/// The length of a hash in bytes.
constexpr std::size_t HashLength(HashAlgorithm algorithm) {
  return algorithm == HashAlgorithm::kSha256 ? 32 : 64;
}

class Hasher {
 public:
  explicit Hasher(HashAlgorithm algorithm);
  Hasher(const Hasher&) = delete;
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;
  ~Hasher();  // wipes the state

  /// Restores what ExportState returned; kDamaged when the text is not of that form.
  static Result<Hasher> FromState(Bytes state);

  void Update(Bytes bytes);
  /// The hash of what was updated so far; the stream may go on.
  ByteVector Value() const;
  /// Holds up to one block of the content: seal it before it is stored.
  ByteVector ExportState() const;
  HashAlgorithm algorithm() const;

 private:
  struct State;
  explicit Hasher(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// The SHA-256 of one run of bytes.
std::array<std::uint8_t, 32> Sha256(Bytes bytes);

}  // namespace entrepot
