#pragma once

// AES-256-GCM under one key with explicit nonces, by OpenSSL; for content by Intel's IPsec library where it
// is installed and the processor has vector AES, which is two and a half times as fast (docs/decisions/0009).
// Both give the same bytes.
//
// Not thread-safe: one per stream or per call.

#include <cstdint>
#include <memory>

#include "base/bytes.h"
#include "base/crypto.h"

namespace entrepot {

class Aead {
 public:
  static constexpr std::size_t kNonceLength = 12, kTagLength = 16;
  /// The fastest is loaded when it is first asked for, and is 3 MiB of memory from then on.
  enum class Implementation { kOpenssl, kFastest };
  explicit Aead(const SecretKey& key, Implementation implementation = Implementation::kOpenssl);
  Aead(Aead&&) noexcept;
  Aead& operator=(Aead&&) noexcept;
  ~Aead();

  /// Encrypts `plain` into `out` (same length, may be the same memory) and writes the tag.
  /// The caller never uses a nonce twice under one key.
  void Seal(Bytes nonce, Bytes associated, Bytes plain, std::uint8_t* out, std::uint8_t* tag);
  /// False when the tag does not verify; `out` then holds nothing of use.
  [[nodiscard]] bool Open(Bytes nonce, Bytes associated, Bytes cipher, const std::uint8_t* tag,
                          std::uint8_t* out);

  class Engine;

 private:
  std::unique_ptr<Engine> engine_;
};

}  // namespace entrepot
