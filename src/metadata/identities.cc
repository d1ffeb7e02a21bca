#include "metadata/identities.h"

#include "metadata/versioned_cache.h"

namespace entrepot::metadata {
namespace {

UserRow ReadUser(const sql::Cursor& row) {
  return {.account = row.Text(0),
          .id = row.Text(1),
          .name = row.Text(2),
          .path = row.Text(3),
          .created_at = row.Time(4)};
}

AccessKeyRow ReadAccessKey(const sql::Cursor& row) {
  return {.id = row.Text(0),
          .account = row.Text(1),
          .user_id = row.Text(2),
          .sealed_secret = row.Blob(3),
          .active = row.Bool(4),
          .created_at = row.Time(5)};
}

}  // namespace

std::uint64_t UserVersion(std::string_view account, std::string_view user_id) {
  return CacheKey("user", account, user_id);
}
std::uint64_t AccessKeyVersion(std::string_view id) { return CacheKey("access key", id); }
std::uint64_t TokenKeysVersion() { return CacheKey("token keys"); }

Result<bool> InsertUser(WriteTransaction& transaction, const UserRow& user) {
  transaction.Touch(UserVersion(user.account, user.id));
  return TRY(transaction->Run(
             "INSERT INTO users (account, id, name, path, created_at) VALUES ($1, $2, $3, $4, $5)"
             " ON CONFLICT DO NOTHING",
             user.account, user.id, user.name, user.path, user.created_at)) == 1;
}

Result<std::optional<UserRow>> FindUser(sql::Session& session, std::string_view account,
                                        std::string_view id) {
  sql::Cursor row = TRY(session.Query(
      "SELECT account, id, name, path, created_at FROM users WHERE account = $1 AND id = $2", account, id));
  if (!TRY(row.Next())) return std::nullopt;
  return ReadUser(row);
}

Result<std::optional<UserRow>> FindUserByName(sql::Session& session, std::string_view account,
                                              std::string_view name) {
  sql::Cursor row = TRY(
      session.Query("SELECT account, id, name, path, created_at FROM users WHERE account = $1 AND name = $2",
                    account, name));
  if (!TRY(row.Next())) return std::nullopt;
  return ReadUser(row);
}

Result<> DeleteUser(WriteTransaction& transaction, std::string_view account, std::string_view id) {
  for (const AccessKeyRow& key : TRY(ListAccessKeys(transaction.session(), account, id)))
    TRY(DeleteAccessKey(transaction, key.id));
  transaction.Touch(UserVersion(account, id));
  TRY(transaction->Run("DELETE FROM user_policies WHERE account = $1 AND user_id = $2", account, id));
  TRY(transaction->Run("DELETE FROM users WHERE account = $1 AND id = $2", account, id));
  return {};
}

Result<> PutUserPolicy(WriteTransaction& transaction, std::string_view account, std::string_view user_id,
                       std::string_view name, std::string_view document) {
  transaction.Touch(UserVersion(account, user_id));
  TRY(
      transaction->Run("INSERT INTO user_policies (account, user_id, name, document) VALUES ($1, $2, $3, $4)"
                       " ON CONFLICT (account, user_id, name) DO UPDATE SET document = excluded.document",
                       account, user_id, name, document));
  return {};
}

Result<> DeleteUserPolicy(WriteTransaction& transaction, std::string_view account, std::string_view user_id,
                          std::string_view name) {
  transaction.Touch(UserVersion(account, user_id));
  TRY(transaction->Run("DELETE FROM user_policies WHERE account = $1 AND user_id = $2 AND name = $3", account,
                       user_id, name));
  return {};
}

Result<std::vector<PolicyRow>> ListUserPolicies(sql::Session& session, std::string_view account,
                                                std::string_view user_id) {
  sql::Cursor row = TRY(session.Query(
      "SELECT name, document FROM user_policies WHERE account = $1 AND user_id = $2 ORDER BY name", account,
      user_id));
  std::vector<PolicyRow> policies;
  while (TRY(row.Next())) policies.emplace_back(row.Text(0), row.Text(1));
  return policies;
}

Result<bool> InsertAccessKey(WriteTransaction& transaction, const AccessKeyRow& key) {
  transaction.Touch(AccessKeyVersion(key.id));
  return TRY(transaction->Run(
             "INSERT INTO access_keys (id, account, user_id, sealed_secret, active, created_at)"
             " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
             key.id, key.account, key.user_id, key.sealed_secret, key.active ? 1 : 0, key.created_at)) == 1;
}

Result<std::optional<AccessKeyRow>> FindAccessKey(sql::Session& session, std::string_view id) {
  sql::Cursor row = TRY(session.Query(
      "SELECT id, account, user_id, sealed_secret, active, created_at FROM access_keys WHERE id = $1", id));
  if (!TRY(row.Next())) return std::nullopt;
  return ReadAccessKey(row);
}

Result<std::vector<AccessKeyRow>> ListAccessKeys(sql::Session& session, std::string_view account,
                                                 std::string_view user_id) {
  sql::Cursor row =
      TRY(session.Query("SELECT id, account, user_id, sealed_secret, active, created_at FROM access_keys"
                        " WHERE account = $1 AND user_id = $2 ORDER BY id",
                        account, user_id));
  std::vector<AccessKeyRow> keys;
  while (TRY(row.Next())) keys.push_back(ReadAccessKey(row));
  return keys;
}

Result<std::vector<AccessKeyRow>> ListAllAccessKeys(sql::Session& session) {
  sql::Cursor row =
      TRY(session.Query("SELECT id, account, user_id, sealed_secret, active, created_at FROM access_keys"));
  std::vector<AccessKeyRow> keys;
  while (TRY(row.Next())) keys.push_back(ReadAccessKey(row));
  return keys;
}

Result<> SetAccessKeySecret(WriteTransaction& transaction, std::string_view id, Bytes sealed) {
  TRY(transaction->Run("UPDATE access_keys SET sealed_secret = $2 WHERE id = $1", id, sealed));
  return {};
}

Result<bool> SetAccessKeyActive(WriteTransaction& transaction, std::string_view id, bool active) {
  transaction.Touch(AccessKeyVersion(id));
  return TRY(transaction->Run("UPDATE access_keys SET active = $2 WHERE id = $1", id, active ? 1 : 0)) == 1;
}

Result<bool> DeleteAccessKey(WriteTransaction& transaction, std::string_view id) {
  transaction.Touch(AccessKeyVersion(id));
  return TRY(transaction->Run("DELETE FROM access_keys WHERE id = $1", id)) == 1;
}

Result<bool> InsertTokenKey(WriteTransaction& transaction, const TokenKeyRow& key) {
  transaction.Touch(TokenKeysVersion());
  return TRY(transaction->Run(
             "INSERT INTO token_keys (id, sealed, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
             key.id, key.sealed, key.created_at)) == 1;
}

Result<std::vector<TokenKeyRow>> ListTokenKeys(sql::Session& session) {
  sql::Cursor row = TRY(session.Query("SELECT id, sealed, created_at FROM token_keys ORDER BY id"));
  std::vector<TokenKeyRow> keys;
  while (TRY(row.Next()))
    keys.push_back({.id = row.Int(0), .sealed = row.Blob(1), .created_at = row.Time(2)});
  return keys;
}

Result<> SetTokenKeySealed(WriteTransaction& transaction, std::int64_t id, Bytes sealed) {
  TRY(transaction->Run("UPDATE token_keys SET sealed = $2 WHERE id = $1", id, sealed));
  return {};
}

Result<> DeleteTokenKey(WriteTransaction& transaction, std::int64_t id) {
  transaction.Touch(TokenKeysVersion());
  TRY(transaction->Run("DELETE FROM token_keys WHERE id = $1", id));
  return {};
}

}  // namespace entrepot::metadata
