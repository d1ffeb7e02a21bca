// The rows of access keys and token keys, when the root key is replaced.

#include "access/credentials.h"
#include "access/store_access.h"
#include "access/token_keys.h"
#include "metadata/identities.h"

namespace entrepot::access {
namespace {

Result<> CheckNames(const SealingKeys& keys, Bytes sealed) {
  if (SealingKeys::RootOf(sealed) == keys.Current().root) return {};
  return Fail(ErrorCode::kInternal,
              "still sealed under root key " + std::string(SealingKeys::RootOf(sealed)));
}

}  // namespace

Result<std::int64_t> SealAnew(metadata::WriteTransaction& transaction, const AccessSecrets& secrets) {
  std::int64_t sealed = 0;
  const std::string root = secrets.access_keys.Current().root;
  for (const metadata::AccessKeyRow& row : TRY(metadata::ListAllAccessKeys(transaction.session()))) {
    if (SealingKeys::RootOf(row.sealed_secret) == root) continue;
    const std::string secret = TRY(OpenSecret(secrets.access_keys, row.id, row.sealed_secret));
    TRY(metadata::SetAccessKeySecret(transaction, row.id, SealSecret(secrets.access_keys, row.id, secret)));
    ++sealed;
  }
  for (const metadata::TokenKeyRow& row : TRY(metadata::ListTokenKeys(transaction.session()))) {
    if (SealingKeys::RootOf(row.sealed) == root) continue;
    const SecretKey secret = TRY(OpenTokenKey(secrets.token_keys, row.id, row.sealed));
    TRY(metadata::SetTokenKeySealed(transaction, row.id, SealTokenKey(secrets.token_keys, row.id, secret)));
    ++sealed;
  }
  return sealed;
}

Result<> CheckSeals(metadata::sql::Session& session, const AccessSecrets& secrets) {
  for (const metadata::AccessKeyRow& row : TRY(metadata::ListAllAccessKeys(session))) {
    TRY(CheckNames(secrets.access_keys, row.sealed_secret));
    TRY(OpenSecret(secrets.access_keys, row.id, row.sealed_secret));
  }
  for (const metadata::TokenKeyRow& row : TRY(metadata::ListTokenKeys(session))) {
    TRY(CheckNames(secrets.token_keys, row.sealed));
    TRY(OpenTokenKey(secrets.token_keys, row.id, row.sealed));
  }
  return {};
}

}  // namespace entrepot::access
