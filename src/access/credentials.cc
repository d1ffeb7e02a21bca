#include "access/credentials.h"

#include <algorithm>

#include "metadata/identities.h"

namespace entrepot::access {
namespace {

ByteVector SecretContext(std::string_view access_key_id) {
  return Framed({AsBytes("access key"), AsBytes(access_key_id)});
}

// What an id can be at all: nothing else is looked up.
bool IsAccessKeyId(std::string_view id) {
  return id.size() >= 16 && id.size() <= 128 && std::ranges::all_of(id, [](char c) {
           return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
         });
}

CallerPtr CallerOf(const metadata::UserRow& user, std::string_view access_key_id) {
  return std::make_shared<const Caller>(
      Caller{AccountId::Trusted(user.account), user.id,
             "arn:aws:iam::" + user.account + ":user" + user.path + user.name, user.name,
             std::string(access_key_id)});
}

}  // namespace

ByteVector SealSecret(const SealingKeys& sealing_keys, std::string_view access_key_id,
                      std::string_view secret) {
  return sealing_keys.Seal(SecretContext(access_key_id), AsBytes(secret));
}

Result<std::string> OpenSecret(const SealingKeys& sealing_keys, std::string_view access_key_id,
                               Bytes sealed) {
  ByteVector secret = TRY(sealing_keys.Open(SecretContext(access_key_id), sealed));
  std::string text(AsText(secret));
  Wipe(secret);
  return text;
}

Credentials::Credentials(metadata::Store& store, SealingKeys sealing_keys, std::size_t cache_bytes)
    : store_(store),
      sealing_keys_(std::move(sealing_keys)),
      credentials_(cache_bytes / 2),
      signing_keys_(cache_bytes / 2) {}

Result<CredentialPtr> Credentials::Find(std::string_view access_key_id) {
  if (!IsAccessKeyId(access_key_id)) return Fail(ErrorCode::kUnknownAccessKey);
  const std::uint64_t version = metadata::AccessKeyVersion(access_key_id);
  if (CredentialPtr cached = credentials_.Get(version, access_key_id, store_.versions())) return cached;
  CredentialPtr loaded = TRY(Load(access_key_id));
  credentials_.Put(version, access_key_id, loaded->seen(), loaded, sizeof(Credential) + sizeof(Caller) + 256);
  return loaded;
}

Result<CredentialPtr> Credentials::Load(std::string_view access_key_id) {
  struct Rows {
    metadata::AccessKeyRow key;
    metadata::UserRow user;
  };
  const metadata::Seen seen(store_.versions(), metadata::AccessKeyVersion(access_key_id));
  const Rows rows = TRY(store_.Read([&](metadata::sql::Session& session) -> Result<Rows> {
    auto key = TRY(metadata::FindAccessKey(session, access_key_id));
    if (!key || !key->active) return Fail(ErrorCode::kUnknownAccessKey);
    auto user = TRY(metadata::FindUser(session, key->account, key->user_id));
    if (!user) return Fail(ErrorCode::kUnknownAccessKey);
    return Rows{*std::move(key), *std::move(user)};
  }));
  return std::make_shared<const Credential>(
      CallerOf(rows.user, access_key_id),
      TRY(OpenSecret(sealing_keys_, access_key_id, rows.key.sealed_secret)), seen);
}

std::shared_ptr<const SecretKey> Credentials::SigningKey(const Credential& credential,
                                                         const sigv4::Scope& scope) {
  const std::string name = credential.caller()->access_key_id + '/' + scope.ToString();
  const std::uint64_t hash = metadata::CacheKey("signing key", name);
  if (auto cached = signing_keys_.Get(hash, name, store_.versions())) return cached;
  auto key = std::make_shared<const SecretKey>(sigv4::DeriveSigningKey(credential.secret(), scope));
  signing_keys_.Put(hash, name, credential.seen(), key, sizeof(SecretKey) + SecretKey::kLength);
  return key;
}

}  // namespace entrepot::access
