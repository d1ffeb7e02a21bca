#include "access/sealed_text.h"

namespace entrepot::access {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::size_t kHeaderLength = 9;

ByteVector HeaderOf(std::int64_t id) {
  ByteVector header{kVersion};
  for (int shift = 56; shift >= 0; shift -= 8)
    header.push_back(static_cast<std::uint8_t>(static_cast<std::uint64_t>(id) >> shift));
  return header;
}

}  // namespace

SecretKey PurposeKeys::Get(const SecretKey& secret, std::string_view purpose) {
  std::lock_guard lock(mutex_);
  auto known = keys_.find(purpose);
  if (known == keys_.end())
    known = keys_
                .emplace(purpose, DeriveKey(secret.bytes(), {},
                                            Framed({AsBytes("entrepot sealed text"), AsBytes(purpose)})))
                .first;
  return known->second;
}

ByteVector SealUnder(const TokenKey& key, std::string_view purpose, std::string_view plain) {
  ByteVector sealed = HeaderOf(key.id);
  const ByteVector box = SealBox(key.purposes->Get(key.secret, purpose), sealed, AsBytes(plain));
  sealed.insert(sealed.end(), box.begin(), box.end());
  return sealed;
}

std::optional<std::int64_t> SealingKeyId(Bytes sealed) {
  if (sealed.size() < kHeaderLength || sealed[0] != kVersion) return std::nullopt;
  std::uint64_t id = 0;
  for (std::size_t i = 1; i < kHeaderLength; ++i) id = id << 8 | sealed[i];
  return static_cast<std::int64_t>(id);
}

std::optional<ByteVector> OpenUnder(const TokenKey& key, std::string_view purpose, Bytes sealed) {
  if (SealingKeyId(sealed) != key.id) return std::nullopt;
  Result<ByteVector> plain = OpenBox(key.purposes->Get(key.secret, purpose), sealed.first(kHeaderLength),
                                     sealed.subspan(kHeaderLength));
  if (!plain) return std::nullopt;
  return *std::move(plain);
}

}  // namespace entrepot::access
