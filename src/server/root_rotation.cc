#include "server/root_rotation.h"

#include "keys/key_ring.h"
#include "keys/service_keys.h"

namespace entrepot::server {
namespace {

access::AccessSecrets SecretsOf(const keys::RootSeals& seals) {
  return {seals.access_keys, seals.token_keys};
}

Result<std::int64_t> SealAnew(metadata::Store& store, keys::RootSeals& seals, const keys::RootKey& next) {
  const std::string old = seals.service_keys.Current().root;
  const Result<std::int64_t> sealed =
      store.Write([&](metadata::WriteTransaction& transaction) -> Result<std::int64_t> {
        // Rows are sealed on this thread only: from here on under the new key.
        seals.Use(next.id());
        const std::int64_t service_keys = TRY(keys::ServiceKeys(seals.service_keys).WrapAnew(transaction));
        return service_keys + TRY(access::SealAnew(transaction, SecretsOf(seals)));
      });
  if (!sealed) seals.Use(old);
  return sealed;
}

Result<> Check(metadata::Store& store, const keys::RootSeals& seals) {
  return store.Read([&](metadata::sql::Session& session) -> Result<> {
    TRY(keys::ServiceKeys(seals.service_keys).CheckAll(session));
    return access::CheckSeals(session, SecretsOf(seals));
  });
}

}  // namespace

Result<keys::RootSeals> LoadSeals(blobs::Files& files, const std::string& directory, metadata::Store& store) {
  const std::set<std::string> ids = TRY(keys::RootKeysInUse(store));
  if (ids.empty())
    return keys::RootSeals(TRY(keys::RootKey::Load(files, directory, keys::RootKeyPolicy::kMayCreate)));
  const std::vector<keys::RootKey> found = TRY(keys::RootKey::LoadNamed(files, directory, ids));
  keys::RootSeals seals(found.front());
  for (const keys::RootKey& key : found) seals.Add(key);
  return seals;
}

Result<RootRotation> RotateRoot(blobs::Files& files, const std::string& directory, metadata::Store& store,
                                keys::RootSeals& seals) {
  const keys::RootKey next = TRY(keys::RootKey::Add(files, directory));
  seals.Add(next);
  const std::int64_t sealed = TRY(SealAnew(store, seals, next));
  TRY(Check(store, seals));
  TRY(keys::RootKey::RemoveOthers(files, directory, next));
  seals.DropOthers(next.id());
  return RootRotation{next.id(), sealed};
}

}  // namespace entrepot::server
