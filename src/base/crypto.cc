#include "base/crypto.h"

#include <algorithm>
#include <memory>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include "base/aead.h"
#include "base/check.h"
#include "base/locked_memory.h"

namespace entrepot {
namespace {

const EVP_MD* Sha256Method() {
  static EVP_MD* const method = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return method;
}

}  // namespace

void FillRandom(MutableBytes out) { CHECK(RAND_bytes(out.data(), static_cast<int>(out.size())) == 1); }

ByteVector RandomBytes(std::size_t count) {
  ByteVector bytes(count);
  FillRandom(bytes);
  return bytes;
}

void Wipe(MutableBytes bytes) { OPENSSL_cleanse(bytes.data(), bytes.size()); }

bool ConstantTimeEqual(Bytes a, Bytes b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

static_assert(SecretKey::kLength <= LockedMemory::kBlock);
SecretKey::SecretKey() : block_(LockedMemory::Allocate()) {}
SecretKey::SecretKey(const SecretKey& other) noexcept : SecretKey() { *this = other; }
SecretKey& SecretKey::operator=(const SecretKey& other) noexcept {
  if (this != &other) std::ranges::copy(other.bytes(), block_);
  return *this;
}
SecretKey::~SecretKey() {
  Wipe(room());
  LockedMemory::Free(block_);
}

SecretKey SecretKey::Generate() {
  SecretKey key;
  CHECK(RAND_priv_bytes(key.block_, static_cast<int>(kLength)) == 1);
  return key;
}

SecretKey SecretKey::From(Bytes bytes) {
  CHECK(bytes.size() == kLength);
  SecretKey key;
  std::ranges::copy(bytes, key.block_);
  return key;
}

// RFC 2104, of two digests: OpenSSL 3.0's own takes two and a half times as long, for it looks its parts up
// anew each time, and every signature and every sealed text has several.
std::array<std::uint8_t, 32> HmacSha256(Bytes key, Bytes message) {
  std::array<std::uint8_t, 32> mac;
  std::array<std::uint8_t, 64> block{};  // of the hash
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  const auto digest = [&](Bytes first, Bytes second, std::uint8_t* out) {
    CHECK(EVP_DigestInit_ex2(context.get(), Sha256Method(), nullptr) == 1 &&
          EVP_DigestUpdate(context.get(), first.data(), first.size()) == 1 &&
          EVP_DigestUpdate(context.get(), second.data(), second.size()) == 1 &&
          EVP_DigestFinal_ex(context.get(), out, nullptr) == 1);
  };
  if (key.size() > block.size())
    digest(key, {}, block.data());
  else
    std::ranges::copy(key, block.begin());
  for (std::uint8_t& byte : block) byte ^= 0x36;
  digest(block, message, mac.data());
  for (std::uint8_t& byte : block) byte ^= 0x36 ^ 0x5c;
  digest(block, mac, mac.data());
  Wipe(block);
  return mac;
}

SecretKey DeriveKey(Bytes secret, Bytes salt, Bytes info) {
  static constexpr std::array<std::uint8_t, 32> kNoSalt{};
  auto extracted = HmacSha256(salt.empty() ? Bytes(kNoSalt) : salt, secret);
  ByteVector block(info.begin(), info.end());
  block.push_back(1);
  auto expanded = HmacSha256(extracted, block);
  SecretKey key = SecretKey::From(expanded);
  Wipe(extracted);
  Wipe(expanded);
  return key;
}

ByteVector Framed(std::initializer_list<Bytes> parts) {
  ByteVector framed;
  for (const Bytes part : parts) {
    for (int shift = 24; shift >= 0; shift -= 8)
      framed.push_back(static_cast<std::uint8_t>(part.size() >> shift));
    framed.insert(framed.end(), part.begin(), part.end());
  }
  return framed;
}

ByteVector SealBox(const SecretKey& key, Bytes associated, Bytes plain) {
  ByteVector box(Aead::kNonceLength + plain.size() + Aead::kTagLength);
  const MutableBytes nonce(box.data(), Aead::kNonceLength);
  FillRandom(nonce);
  std::uint8_t* cipher = box.data() + Aead::kNonceLength;
  Aead(key).Seal(nonce, associated, plain, cipher, cipher + plain.size());
  return box;
}

Result<ByteVector> OpenBox(const SecretKey& key, Bytes associated, Bytes box) {
  if (box.size() < Aead::kNonceLength + Aead::kTagLength)
    return Fail(ErrorCode::kDamaged, "sealed box is too short");
  const Bytes nonce = box.first(Aead::kNonceLength);
  const Bytes cipher = box.subspan(Aead::kNonceLength, box.size() - Aead::kNonceLength - Aead::kTagLength);
  ByteVector plain(cipher.size());
  if (!Aead(key).Open(nonce, associated, cipher, cipher.data() + cipher.size(), plain.data()))
    return Fail(ErrorCode::kDamaged, "sealed box does not verify");
  return plain;
}

}  // namespace entrepot
