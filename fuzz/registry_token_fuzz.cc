// An Authorization header of /v2/, and what its password says: whatever it is, a password comes only of a
// well formed header, a token only of digits, nothing opens that was not sealed, and of what was sealed only
// a statement that is complete.

#include <cstdint>
#include <string>
#include <string_view>

#include "access/basic_credentials.h"
#include "access/registry_token.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/encoding.h"

namespace {

using namespace entrepot;

const access::TokenKey& Key() {
  static const access::TokenKey key{1, SecretKey::Generate(), {}};
  return key;
}

void CheckHeader(std::string_view authorization) {
  const Result<std::string> password = access::ParseBasicPassword(authorization);
  if (!password) {
    CHECK(password.error().code() == ErrorCode::kRegistryTokenInvalid);
    return;
  }
  CHECK(authorization.size() > password->size() && !password->contains(':'));
  const auto token = access::DecodeRegistryToken(*password);
  if (!token) return;
  CHECK(token->size() * 2 == password->size());
  CHECK(!access::OpenRegistryToken(Key(), *token));  // nobody but us can seal one
}

void CheckSealed(std::string_view plain) {
  const ByteVector sealed = access::SealUnder(Key(), "registry token", plain);
  const auto claims = access::OpenRegistryToken(Key(), sealed);
  if (!claims) return;
  const auto token = access::DecodeRegistryToken(access::SealRegistryToken(Key(), *claims));
  CHECK(token);
  const auto again = access::OpenRegistryToken(Key(), *token);
  CHECK(again && again->principal_id == claims->principal_id &&
        again->access_key_id == claims->access_key_id && again->expires_at == claims->expires_at);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = AsText({data, size});
  CheckHeader(text);
  CheckHeader("Basic " + Base64Encode(AsBytes("AWS:" + std::string(text))));
  CheckSealed(text);
  return 0;
}
