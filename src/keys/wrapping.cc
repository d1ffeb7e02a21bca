#include "keys/wrapping.h"

namespace entrepot::keys {
namespace {

constexpr std::size_t kSaltLength = 16;

}  // namespace

ByteVector SealUnder(const SecretKey& key, std::string_view label, Bytes context, Bytes plain) {
  ByteVector sealed = RandomBytes(kSaltLength);
  const SecretKey own = DeriveKey(key.bytes(), sealed, AsBytes(label));
  const ByteVector box = SealBox(own, context, plain);
  sealed.insert(sealed.end(), box.begin(), box.end());
  return sealed;
}

Result<ByteVector> OpenUnder(const SecretKey& key, std::string_view label, Bytes context, Bytes sealed) {
  if (sealed.size() < kSaltLength) return KeyFailure("InvalidCiphertextException", "too short to be sealed");
  const SecretKey own = DeriveKey(key.bytes(), sealed.first(kSaltLength), AsBytes(label));
  auto plain = OpenBox(own, context, sealed.subspan(kSaltLength));
  if (!plain)
    return KeyFailure("InvalidCiphertextException", std::string(label) + " does not verify under this key");
  return plain;
}

Result<SecretKey> OpenKeyUnder(const SecretKey& key, std::string_view label, Bytes context, Bytes sealed) {
  ByteVector plain = TRY(OpenUnder(key, label, context, sealed));
  if (plain.size() != SecretKey::kLength)
    return KeyFailure("InvalidCiphertextException", "what is wrapped is no key");
  const SecretKey opened = SecretKey::From(plain);
  Wipe(plain);
  return opened;
}

std::unexpected<Error> KeyFailure(std::string_view kms_error, std::string detail) {
  return Fail(Error(ErrorCode::kKeyFailure, std::move(detail)).With("kms_error", std::string(kms_error)));
}

std::array<std::uint8_t, 8> NumberBytes(std::uint64_t number) {
  std::array<std::uint8_t, 8> bytes;
  for (int i = 0; i < 8; ++i)
    bytes[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(number >> (56 - 8 * i));
  return bytes;
}

}  // namespace entrepot::keys
