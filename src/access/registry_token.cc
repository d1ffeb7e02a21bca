#include "access/registry_token.h"

#include <charconv>
#include <vector>

#include "base/encoding.h"

namespace entrepot::access {
namespace {

constexpr std::string_view kPurpose = "registry token";
// Raised with every field that comes: what restricts a token must never be skipped by a reader that does not
// know it.
constexpr std::string_view kForm = "1";
constexpr std::size_t kLongestPassword = 2048;

// The parts that Framed joined.
std::optional<std::vector<std::string_view>> Unframe(Bytes framed) {
  std::vector<std::string_view> parts;
  while (!framed.empty()) {
    if (framed.size() < 4) return std::nullopt;
    const std::size_t length = std::size_t{framed[0]} << 24 | framed[1] << 16 | framed[2] << 8 | framed[3];
    if (framed.size() - 4 < length) return std::nullopt;
    parts.push_back(AsText(framed.subspan(4, length)));
    framed = framed.subspan(4 + length);
  }
  return parts;
}

std::optional<Timestamp> ReadTime(std::string_view text) {
  Timestamp time;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), time.micros);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return time;
}

}  // namespace

std::string SealRegistryToken(const TokenKey& key, const RegistryTokenClaims& claims) {
  const std::string issued = std::to_string(claims.issued_at.micros),
                    expires = std::to_string(claims.expires_at.micros);
  const ByteVector plain = Framed({AsBytes(kForm), AsBytes(claims.registry.account.str()),
                                   AsBytes(claims.registry.region.str()), AsBytes(claims.principal_id),
                                   AsBytes(claims.access_key_id), AsBytes(issued), AsBytes(expires)});
  return HexEncode(SealUnder(key, kPurpose, AsText(plain)));
}

std::optional<ByteVector> DecodeRegistryToken(std::string_view password) {
  if (password.size() >= kLongestPassword) return std::nullopt;
  return HexDecode(password);
}

std::optional<RegistryTokenClaims> OpenRegistryToken(const TokenKey& key, Bytes token) {
  const auto plain = OpenUnder(key, kPurpose, token);
  if (!plain) return std::nullopt;
  const auto parts = Unframe(*plain);
  if (!parts || parts->size() != 7 || parts->front() != kForm) return std::nullopt;
  const auto issued = ReadTime((*parts)[5]), expires = ReadTime((*parts)[6]);
  if (!issued || !expires) return std::nullopt;
  return RegistryTokenClaims{
      {AccountId::Trusted(std::string((*parts)[1])), Region::Trusted(std::string((*parts)[2]))},
      std::string((*parts)[3]),
      std::string((*parts)[4]),
      *issued,
      *expires};
}

}  // namespace entrepot::access
