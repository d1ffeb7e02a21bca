#pragma once

// Replacing the root key while the registry serves: a new key is added and durable, everything that the old
// one sealed is sealed anew in one transaction, each row is read back, and only then the old key's file goes
// (design-storage 2.11). Wherever a crash falls, every row names a key whose file is there.

#include <string>

#include "access/store_access.h"
#include "blobs/file_layer.h"
#include "keys/root_key.h"
#include "metadata/store.h"

namespace entrepot::server {

/// The keys that the store needs, made when it is new. kConfiguration when one that it needs is missing.
Result<keys::RootSeals> LoadSeals(blobs::Files& files, const std::string& directory, metadata::Store& store);

struct RootRotation {
  std::string root_key;          // the new one's id
  std::int64_t sealed_anew = 0;  // rows
};

/// On an error the store is as it was, or wholly under the new key with the old one's file still there;
/// another rotation tidies up. Not to be called twice at a time.
Result<RootRotation> RotateRoot(blobs::Files& files, const std::string& directory, metadata::Store& store,
                                keys::RootSeals& seals);

}  // namespace entrepot::server
