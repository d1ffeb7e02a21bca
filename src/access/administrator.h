#pragma once

// The first user of an account: an ordinary one, whose policy allows everything. Nothing in the tree asks who
// is an administrator.

#include <optional>

#include "access/access.h"
#include "access/store_access.h"
#include "metadata/store.h"

namespace entrepot::access {

/// Makes the user `admin` with its policy and an access key, where the account has none: `given`, or a fresh
/// one. Returns the key; nothing when the user was there already. kConfiguration when `given` is no access
/// key or is taken.
Result<std::optional<AccessKey>> EnsureAdministrator(metadata::Store& store, const AccessSecrets& secrets,
                                                     const AccountId& account,
                                                     const std::optional<AccessKey>& given = std::nullopt);

/// The way back in: every access key of `admin` goes, with the registry tokens issued under it, and a fresh
/// one comes. The user and its policy are made again where they are missing.
Result<AccessKey> ResetAdministratorKey(metadata::Store& store, const AccessSecrets& secrets,
                                        const AccountId& account);

}  // namespace entrepot::access
