#pragma once

// Rows of who may call: users, their policies, access keys, and the keys that tokens are sealed with.
//
// Every write raises the version of what it changes. An access key's version covers its user too, so that
// whoever holds what a key means needs to watch one version: deleting a user takes its keys with it.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "metadata/store.h"

namespace entrepot::metadata {

struct UserRow {
  std::string account;
  std::string id;  // AIDA…, never reused
  std::string name;
  std::string path = "/";
  Timestamp created_at;
};

struct AccessKeyRow {
  std::string id;
  std::string account;
  std::string user_id;
  ByteVector sealed_secret;  // under a key of the root key, bound to id
  bool active = true;
  Timestamp created_at;
};

struct TokenKeyRow {
  std::int64_t id = 0;  // rising; the newest is the highest
  ByteVector sealed;    // under a key of the root key, bound to id
  Timestamp created_at;
};

/// Version keys, for caches (versioned_cache.h).
std::uint64_t UserVersion(std::string_view account,
                          std::string_view user_id);  // the user's existence and policies
std::uint64_t AccessKeyVersion(std::string_view id);
std::uint64_t TokenKeysVersion();

/// False when the name is taken.
Result<bool> InsertUser(WriteTransaction& transaction, const UserRow& user);
Result<std::optional<UserRow>> FindUser(sql::Session& session, std::string_view account, std::string_view id);
Result<std::optional<UserRow>> FindUserByName(sql::Session& session, std::string_view account,
                                              std::string_view name);
/// With its policies and access keys.
Result<> DeleteUser(WriteTransaction& transaction, std::string_view account, std::string_view id);

/// Makes it, or replaces the document of that name.
Result<> PutUserPolicy(WriteTransaction& transaction, std::string_view account, std::string_view user_id,
                       std::string_view name, std::string_view document);
Result<> DeleteUserPolicy(WriteTransaction& transaction, std::string_view account, std::string_view user_id,
                          std::string_view name);
/// The documents, by name.
using PolicyRow = std::pair<std::string, std::string>;
Result<std::vector<PolicyRow>> ListUserPolicies(sql::Session& session, std::string_view account,
                                                std::string_view user_id);

/// False when the id is taken, in any account.
Result<bool> InsertAccessKey(WriteTransaction& transaction, const AccessKeyRow& key);
Result<std::optional<AccessKeyRow>> FindAccessKey(sql::Session& session, std::string_view id);
Result<std::vector<AccessKeyRow>> ListAccessKeys(sql::Session& session, std::string_view account,
                                                 std::string_view user_id);
Result<std::vector<AccessKeyRow>> ListAllAccessKeys(sql::Session& session);
/// The same secret in another seal: nothing that a cache holds changes.
Result<> SetAccessKeySecret(WriteTransaction& transaction, std::string_view id, Bytes sealed);
/// False when there is no such key.
Result<bool> SetAccessKeyActive(WriteTransaction& transaction, std::string_view id, bool active);
Result<bool> DeleteAccessKey(WriteTransaction& transaction, std::string_view id);

/// False when another node took the id first.
Result<bool> InsertTokenKey(WriteTransaction& transaction, const TokenKeyRow& key);
/// Oldest first.
Result<std::vector<TokenKeyRow>> ListTokenKeys(sql::Session& session);
/// The same key in another seal.
Result<> SetTokenKeySealed(WriteTransaction& transaction, std::int64_t id, Bytes sealed);
Result<> DeleteTokenKey(WriteTransaction& transaction, std::int64_t id);

}  // namespace entrepot::metadata
