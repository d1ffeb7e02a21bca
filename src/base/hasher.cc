#define OPENSSL_SUPPRESS_DEPRECATED  // SHA256_CTX and SHA512_CTX: see the header
#include "base/hasher.h"

#include <cstring>
#include <variant>

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include "base/check.h"

namespace entrepot {
namespace {

// version(1) algorithm(1) bits-high(8) bits-low(8) block-fill(1) chaining words, then the partial block
constexpr std::uint8_t kStateVersion = 1;

void Put64(ByteVector& out, std::uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(value >> shift));
}
std::uint64_t Get64(const std::uint8_t* in) {
  std::uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value = value << 8 | in[i];
  return value;
}

}  // namespace

struct Hasher::State {
  std::variant<SHA256_CTX, SHA512_CTX> context;
  ~State() { OPENSSL_cleanse(&context, sizeof context); }
};

Hasher::Hasher(HashAlgorithm algorithm) : state_(std::make_unique<State>()) {
  if (algorithm == HashAlgorithm::kSha256)
    SHA256_Init(&state_->context.emplace<SHA256_CTX>());
  else
    SHA512_Init(&state_->context.emplace<SHA512_CTX>());
}
Hasher::Hasher(std::unique_ptr<State> state) : state_(std::move(state)) {}
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;
Hasher::~Hasher() = default;

HashAlgorithm Hasher::algorithm() const {
  return std::holds_alternative<SHA256_CTX>(state_->context) ? HashAlgorithm::kSha256
                                                             : HashAlgorithm::kSha512;
}

void Hasher::Update(Bytes bytes) {
  if (auto* sha256 = std::get_if<SHA256_CTX>(&state_->context))
    SHA256_Update(sha256, bytes.data(), bytes.size());
  else
    SHA512_Update(&std::get<SHA512_CTX>(state_->context), bytes.data(), bytes.size());
}

ByteVector Hasher::Value() const {
  ByteVector value(HashLength(algorithm()));
  State copy{state_->context};
  if (auto* sha256 = std::get_if<SHA256_CTX>(&copy.context))
    SHA256_Final(value.data(), sha256);
  else
    SHA512_Final(value.data(), &std::get<SHA512_CTX>(copy.context));
  return value;
}

ByteVector Hasher::ExportState() const {
  ByteVector out{kStateVersion, static_cast<std::uint8_t>(algorithm())};
  if (const auto* sha256 = std::get_if<SHA256_CTX>(&state_->context)) {
    Put64(out, sha256->Nh);
    Put64(out, sha256->Nl);
    out.push_back(static_cast<std::uint8_t>(sha256->num));
    for (const auto word : sha256->h) Put64(out, word);
    const auto* block = reinterpret_cast<const std::uint8_t*>(sha256->data);
    out.insert(out.end(), block, block + sha256->num);
  } else {
    const auto& sha512 = std::get<SHA512_CTX>(state_->context);
    Put64(out, sha512.Nh);
    Put64(out, sha512.Nl);
    out.push_back(static_cast<std::uint8_t>(sha512.num));
    for (const auto word : sha512.h) Put64(out, word);
    out.insert(out.end(), sha512.u.p, sha512.u.p + sha512.num);
  }
  return out;
}

Result<Hasher> Hasher::FromState(Bytes in) {
  constexpr std::size_t kFixed = 2 + 8 + 8 + 1 + 8 * 8;
  if (in.size() < kFixed || in[0] != kStateVersion) return Fail(ErrorCode::kDamaged, "hash state");
  const auto algorithm = static_cast<HashAlgorithm>(in[1]);
  const std::size_t fill = in[18], block_length = algorithm == HashAlgorithm::kSha256 ? 64 : 128;
  if ((algorithm != HashAlgorithm::kSha256 && algorithm != HashAlgorithm::kSha512) || fill >= block_length ||
      in.size() != kFixed + fill)
    return Fail(ErrorCode::kDamaged, "hash state");
  Hasher hasher(algorithm);
  const std::uint8_t* words = in.data() + 19;
  if (auto* sha256 = std::get_if<SHA256_CTX>(&hasher.state_->context)) {
    sha256->Nh = static_cast<SHA_LONG>(Get64(in.data() + 2));
    sha256->Nl = static_cast<SHA_LONG>(Get64(in.data() + 10));
    sha256->num = static_cast<unsigned>(fill);
    for (int i = 0; i < 8; ++i) sha256->h[i] = static_cast<SHA_LONG>(Get64(words + 8 * i));
    std::memcpy(sha256->data, in.data() + kFixed, fill);
  } else {
    auto& sha512 = std::get<SHA512_CTX>(hasher.state_->context);
    sha512.Nh = Get64(in.data() + 2);
    sha512.Nl = Get64(in.data() + 10);
    sha512.num = static_cast<unsigned>(fill);
    for (int i = 0; i < 8; ++i) sha512.h[i] = Get64(words + 8 * i);
    std::memcpy(sha512.u.p, in.data() + kFixed, fill);
  }
  return hasher;
}

std::array<std::uint8_t, 32> Sha256(Bytes bytes) {
  std::array<std::uint8_t, 32> hash;
  SHA256_CTX context;
  SHA256_Init(&context);
  SHA256_Update(&context, bytes.data(), bytes.size());
  SHA256_Final(hash.data(), &context);
  return hash;
}

}  // namespace entrepot
