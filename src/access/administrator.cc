#include "access/administrator.h"

#include <algorithm>

#include "access/credentials.h"
#include "base/encoding.h"
#include "base/ids.h"
#include "metadata/identities.h"

namespace entrepot::access {
namespace {

using metadata::WriteTransaction;

constexpr std::string_view
    kUserName = "admin",
    kPolicyName = "AdministratorAccess",
    kPolicy = R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]})";

AccessKey NewAccessKey() { return {NewAwsId("AKIA", 20), Base64Encode(RandomBytes(30))}; }

Result<> CheckGiven(const AccessKey& key) {
  const auto word = [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
  };
  const auto printable = [](char c) { return c > ' ' && c < 0x7f; };
  if (key.id.size() < 16 || key.id.size() > 128 || !std::ranges::all_of(key.id, word))
    return Fail(ErrorCode::kConfiguration,
                "the administrator's access key id must be 16 to 128 letters, digits or '_'");
  if (key.secret.size() < 16 || key.secret.size() > 128 || !std::ranges::all_of(key.secret, printable))
    return Fail(
        ErrorCode::kConfiguration,
        "the administrator's secret access key must be 16 to 128 printable characters without blanks");
  return {};
}

metadata::UserRow NewUser(const AccountId& account, Timestamp now) {
  return {.account = account.str(),
          .id = NewAwsId("AIDA", 20),
          .name = std::string(kUserName),
          .created_at = now};
}

Result<> InsertKey(WriteTransaction& transaction, const AccessSecrets& secrets, const metadata::UserRow& user,
                   const AccessKey& key) {
  const bool inserted = TRY(metadata::InsertAccessKey(
      transaction, {.id = key.id,
                    .account = user.account,
                    .user_id = user.id,
                    .sealed_secret = SealSecret(secrets.access_keys, key.id, key.secret),
                    .created_at = transaction.now()}));
  if (!inserted) return Fail(ErrorCode::kConfiguration, "the access key id " + key.id + " is in use");
  return {};
}

}  // namespace

Result<std::optional<AccessKey>> EnsureAdministrator(metadata::Store& store, const AccessSecrets& secrets,
                                                     const AccountId& account,
                                                     const std::optional<AccessKey>& given) {
  if (given) TRY(CheckGiven(*given));
  const AccessKey key = given ? *given : NewAccessKey();
  return store.Write([&](WriteTransaction& transaction) -> Result<std::optional<AccessKey>> {
    const metadata::UserRow user = NewUser(account, transaction.now());
    if (!TRY(metadata::InsertUser(transaction, user))) return std::nullopt;
    TRY(metadata::PutUserPolicy(transaction, user.account, user.id, kPolicyName, kPolicy));
    TRY(InsertKey(transaction, secrets, user, key));
    return key;
  });
}

Result<AccessKey> ResetAdministratorKey(metadata::Store& store, const AccessSecrets& secrets,
                                        const AccountId& account) {
  const AccessKey key = NewAccessKey();
  return store.Write([&](WriteTransaction& transaction) -> Result<AccessKey> {
    metadata::UserRow user = NewUser(account, transaction.now());
    if (!TRY(metadata::InsertUser(transaction, user))) {
      auto found = TRY(metadata::FindUserByName(transaction.session(), account, kUserName));
      if (!found) return Fail(ErrorCode::kInternal, "the administrator's row vanished");
      user = *std::move(found);
    }
    TRY(metadata::PutUserPolicy(transaction, user.account, user.id, kPolicyName, kPolicy));
    for (const auto& old : TRY(metadata::ListAccessKeys(transaction.session(), user.account, user.id)))
      TRY(metadata::DeleteAccessKey(transaction, old.id));
    TRY(InsertKey(transaction, secrets, user, key));
    return key;
  });
}

}  // namespace entrepot::access
