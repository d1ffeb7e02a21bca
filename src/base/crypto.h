#pragma once

// The few primitives everything above seals and derives with, over OpenSSL's EVP with algorithms fetched once
// (an implicit fetch costs four times a small hash). A failure inside OpenSSL on good arguments is a broken
// invariant; a tag that does not verify is an answer (false).
//
// Every function is safe from any thread.

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace entrepot {

/// Cryptographically strong random bytes.
void FillRandom(MutableBytes out);
ByteVector RandomBytes(std::size_t count);

/// Overwrites memory in a way the compiler keeps.
void Wipe(MutableBytes bytes);

/// Compares without leaking where the difference lies; different lengths are unequal.
bool ConstantTimeEqual(Bytes a, Bytes b);

/// Thirty-two secret bytes: in locked memory, wiped at the end, never printed. A copy is another secret.
class SecretKey {
 public:
  static constexpr std::size_t kLength = 32;
  static SecretKey Generate();
  /// `bytes` must be 32 long.
  static SecretKey From(Bytes bytes);
  SecretKey(const SecretKey& other) noexcept;
  SecretKey(SecretKey&& other) noexcept : SecretKey(other) {}  // keys are never null
  SecretKey& operator=(const SecretKey& other) noexcept;
  ~SecretKey();
  Bytes bytes() const { return {block_, kLength}; }

 private:
  SecretKey();
  MutableBytes room() { return {block_, kLength}; }

  std::uint8_t* const block_;
};

std::array<std::uint8_t, 32> HmacSha256(Bytes key, Bytes message);

/// HKDF-SHA256 (RFC 5869) to 32 bytes. `info` separates purposes; `salt` may be empty.
SecretKey DeriveKey(Bytes secret, Bytes salt, Bytes info);

/// Joins parts into one run of bytes in which no part can pass for another: each is preceded by its length.
ByteVector Framed(std::initializer_list<Bytes> parts);

/// A small sealed box with a random nonce: nonce ‖ ciphertext ‖ tag. For rows and tokens.
ByteVector SealBox(const SecretKey& key, Bytes associated, Bytes plain);
/// kDamaged when the box was not sealed under this key and associated data.
Result<ByteVector> OpenBox(const SecretKey& key, Bytes associated, Bytes box);

}  // namespace entrepot
