#include "blobs/format.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "blobs/big_endian.h"

namespace entrepot::blobs {
namespace {

constexpr std::string_view kMagic = "EntrBlob";
constexpr std::uint16_t kVersion = 1;
constexpr std::size_t kMacOffset = 80;
constexpr std::uint8_t kOnlyLayer = 0;

SecretKey SegmentKey(const SecretKey& data_key, Suite suite, const Salt& salt) {
  ByteVector info = ToVector(AsBytes("entrepot blob v1"));
  info.push_back(static_cast<std::uint8_t>(suite));
  info.push_back(kOnlyLayer);
  return DeriveKey(data_key.bytes(), salt, info);
}

std::array<std::uint8_t, Aead::kNonceLength> Nonce(std::uint64_t index, bool final) {
  std::array<std::uint8_t, Aead::kNonceLength> nonce{};
  PutBigEndian(nonce.data(), index);
  nonce.back() = final ? 1 : 0;
  return nonce;
}

}  // namespace

std::array<std::uint8_t, 16> DomainId::bytes() const {
  std::array<std::uint8_t, 16> bytes;
  PutBigEndian(bytes.data(), static_cast<std::uint64_t>(registry));
  PutBigEndian(bytes.data() + 8, static_cast<std::uint64_t>(domain));
  return bytes;
}

SecretKey BlobIdentity::key_or_zeros() const {
  static constexpr std::array<std::uint8_t, SecretKey::kLength> kZeros{};
  return data_key ? *data_key : SecretKey::From(kZeros);
}

Header EncodeHeader(const BlobIdentity& identity, const Salt& first_salt) {
  ByteVector fields = ToVector(AsBytes(kMagic));
  AppendBigEndian(fields, kVersion);
  fields.push_back(static_cast<std::uint8_t>(identity.suite()));
  fields.push_back(0);
  AppendBigEndian(fields, static_cast<std::uint32_t>(kChunkOnDisk));
  AppendBytes(fields, identity.file.bytes());
  AppendBytes(fields, identity.domain.bytes());
  AppendBytes(fields, first_salt);
  CHECK(fields.size() == kMacOffset);

  const SecretKey mac_key = DeriveKey(identity.key_or_zeros().bytes(), {}, AsBytes("header"));
  AppendBytes(fields, HmacSha256(mac_key.bytes(), fields));
  Header header{};
  std::ranges::copy(fields, header.begin());
  return header;
}

Result<> CheckHeader(Bytes stored, const BlobIdentity& identity, const Salt& first_salt) {
  const Header header = EncodeHeader(identity, first_salt);
  if (stored.size() < kProgressOffset ||
      !ConstantTimeEqual(stored.first(kProgressOffset), Bytes(header).first(kProgressOffset)))
    return Fail(ErrorCode::kDamaged, "the header of blob file " + identity.file.name() + " is not its own");
  return {};
}

ChunkCipher::ChunkCipher(const BlobIdentity& identity, std::uint32_t segment, const Salt& salt) {
  if (identity.data_key)
    aead_.emplace(SegmentKey(*identity.data_key, identity.suite(), salt), Aead::Implementation::kFastest);
  ByteVector associated = ToVector(identity.domain.bytes());
  AppendBytes(associated, identity.file.bytes());
  AppendBigEndian(associated, segment);
  associated.push_back(kOnlyLayer);
  AppendBigEndian(associated, static_cast<std::uint32_t>(kChunkOnDisk));
  CHECK(associated.size() == associated_.size());
  std::ranges::copy(associated, associated_.begin());
}

void ChunkCipher::Seal(std::uint64_t index, bool final, Bytes plain, std::uint8_t* out) {
  if (aead_)
    aead_->Seal(Nonce(index, final), associated_, plain, out, out + plain.size());
  else if (!plain.empty())
    std::memcpy(out, plain.data(), plain.size());
}

bool ChunkCipher::Open(std::uint64_t index, bool final, Bytes stored, std::uint8_t* out) {
  if (!aead_) {
    if (!stored.empty()) std::memmove(out, stored.data(), stored.size());
    return true;
  }
  if (stored.size() < Aead::kTagLength) return false;
  const Bytes cipher = stored.first(stored.size() - Aead::kTagLength);
  return aead_->Open(Nonce(index, final), associated_, cipher, cipher.data() + cipher.size(), out);
}

}  // namespace entrepot::blobs
