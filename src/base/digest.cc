#include "base/digest.h"

#include <algorithm>

#include "base/check.h"
#include "base/encoding.h"

namespace entrepot {

Digest::Digest(HashAlgorithm algorithm, Bytes hash) : algorithm_(algorithm) {
  CHECK(hash.size() == HashLength(algorithm));
  std::ranges::copy(hash, hash_.begin());
}

Result<Digest> Digest::Parse(std::string_view text) {
  const auto fail = [&] { return Fail(Error(ErrorCode::kDigestInvalid).With("digest", std::string(text))); };
  const std::size_t colon = text.find(':');
  if (colon == text.npos) return fail();
  const std::string_view name = text.substr(0, colon), hex = text.substr(colon + 1);
  if (name != "sha256" && name != "sha512") return fail();
  const HashAlgorithm algorithm = name == "sha256" ? HashAlgorithm::kSha256 : HashAlgorithm::kSha512;
  const bool lower = std::ranges::none_of(hex, [](char c) { return c >= 'A' && c <= 'F'; });
  const auto hash = HexDecode(hex);
  if (!lower || !hash || hash->size() != HashLength(algorithm)) return fail();
  return Digest(algorithm, *hash);
}

Digest Digest::Of(HashAlgorithm algorithm, Bytes content) {
  if (algorithm == HashAlgorithm::kSha256) return Digest(algorithm, Sha256(content));
  Hasher hasher(algorithm);
  hasher.Update(content);
  return Digest(algorithm, hasher.Value());
}

Digest Digest::FromHash(HashAlgorithm algorithm, Bytes hash) { return Digest(algorithm, hash); }

Result<Digest> Digest::FromStored(Bytes stored) {
  if (stored.size() == 33 && stored[0] == 1) return Digest(HashAlgorithm::kSha256, stored.subspan(1));
  if (stored.size() == 65 && stored[0] == 2) return Digest(HashAlgorithm::kSha512, stored.subspan(1));
  return Fail(ErrorCode::kDamaged, "stored digest");
}

ByteVector Digest::ToStored() const {
  ByteVector stored{static_cast<std::uint8_t>(algorithm_)};
  stored.insert(stored.end(), hash().begin(), hash().end());
  return stored;
}

std::string Digest::ToString() const {
  const std::string_view name = algorithm_ == HashAlgorithm::kSha256 ? "sha256:" : "sha512:";
  std::string text;
  text.reserve(name.size() + 2 * hash().size());
  text += name;
  AppendHex(text, hash());
  return text;
}

}  // namespace entrepot
