#pragma once

// A content digest, `sha256:<hex>` or `sha512:<hex>`: one algorithm and the raw hash. The database keeps it
// as one algorithm byte and the hash (design.md section 3.1).

#include <array>
#include <compare>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/hasher.h"
#include "base/result.h"

namespace entrepot {

class Digest {
 public:
  /// Exactly `<algorithm>:<lower-case hex of the right length>`; kDigestInvalid otherwise.
  static Result<Digest> Parse(std::string_view text);
  static Digest Of(HashAlgorithm algorithm, Bytes content);
  static Digest FromHash(HashAlgorithm algorithm, Bytes hash);
  /// From the stored form; kDamaged when it is not one.
  static Result<Digest> FromStored(Bytes stored);

  HashAlgorithm algorithm() const { return algorithm_; }
  Bytes hash() const { return {hash_.data(), HashLength(algorithm_)}; }
  ByteVector ToStored() const;
  std::string ToString() const;

  friend bool operator==(const Digest&, const Digest&) = default;
  friend auto operator<=>(const Digest&, const Digest&) = default;

 private:
  Digest(HashAlgorithm algorithm, Bytes hash);
  HashAlgorithm algorithm_;
  std::array<std::uint8_t, 64> hash_{};
};

}  // namespace entrepot

template <>
struct std::hash<entrepot::Digest> {
  std::size_t operator()(const entrepot::Digest& digest) const noexcept {
    std::size_t value;  // the content is already a hash
    std::memcpy(&value, digest.hash().data(), sizeof value);
    return value;
  }
};
