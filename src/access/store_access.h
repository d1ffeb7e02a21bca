#pragma once

// Access over the store: what the wiring makes.

#include <memory>
#include <vector>

#include "access/access.h"
#include "base/sealing_keys.h"
#include "metadata/store.h"

namespace entrepot::access {

/// Derived from the root key, each for its own purpose: they seal rows.
struct AccessSecrets {
  SealingKeys access_keys;  // access_keys.sealed_secret
  SealingKeys token_keys;   // token_keys.sealed
};

/// Seals anew, under the current root key, every row that another one seals; says how many.
Result<std::int64_t> SealAnew(metadata::WriteTransaction& transaction, const AccessSecrets& secrets);
/// An error unless every row is sealed under the current root key and can be opened.
Result<> CheckSeals(metadata::sql::Session& session, const AccessSecrets& secrets);

struct AccessOptions {
  /// The regions served; empty = any region name of a valid form.
  std::vector<Region> regions;
  std::size_t cache_bytes = 32u << 20;
};

/// `store` and `clock` outlive it. Makes the first token key in a new store.
Result<std::unique_ptr<Access>> MakeAccess(metadata::Store& store, const AccessSecrets& secrets,
                                           const Clock& clock, AccessOptions options = {});

}  // namespace entrepot::access
