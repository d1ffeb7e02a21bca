#include "keys/service_keys.h"

#include "keys/wrapping.h"

namespace entrepot::keys {
namespace {

using metadata::WriteTransaction;
using metadata::sql::Cursor;
using metadata::sql::Session;

constexpr std::string_view kServiceKeyLabel = "entrepot root key: service key";
constexpr std::string_view kRepositoryKeyLabel = "entrepot service key: repository key";

ByteVector ServiceKeyContext(std::int64_t registry, std::int64_t id, std::string_view root_key) {
  return Framed({NumberBytes(static_cast<std::uint64_t>(registry)),
                 NumberBytes(static_cast<std::uint64_t>(id)), AsBytes(root_key)});
}

ByteVector RepositoryKeyContext(const RepositoryRef& repository, std::int64_t key_id) {
  return Framed({NumberBytes(static_cast<std::uint64_t>(repository.registry)),
                 NumberBytes(static_cast<std::uint64_t>(repository.repository)),
                 NumberBytes(static_cast<std::uint64_t>(key_id)), AsBytes("aws:ecr:arn"),
                 AsBytes(repository.arn)});
}

}  // namespace

ServiceKeys::ServiceKeys(const RootKey& root_key)
    : root_key_id_(root_key.id()), wrapping_key_(root_key.Derive(RootKey::Purpose::kServiceKeys)) {}

Result<WrappedKey> ServiceKeys::Wrap(WriteTransaction& transaction, const RepositoryRef& repository,
                                     std::int64_t key_id, const SecretKey& key) {
  const ServiceKey service_key = TRY(Newest(transaction, repository.registry));
  return WrappedKey{service_key.id, SealUnder(service_key.key, kRepositoryKeyLabel,
                                              RepositoryKeyContext(repository, key_id), key.bytes())};
}

Result<SecretKey> ServiceKeys::Unwrap(Session& session, const RepositoryRef& repository, std::int64_t key_id,
                                      const WrappedKey& wrapped) {
  const SecretKey service_key = TRY(Find(session, repository.registry, wrapped.source_key));
  return OpenKeyUnder(service_key, kRepositoryKeyLabel, RepositoryKeyContext(repository, key_id),
                      wrapped.wrapped);
}

Result<ServiceKeys::ServiceKey> ServiceKeys::Newest(WriteTransaction& transaction, std::int64_t registry) {
  {
    Cursor cursor = TRY(transaction->Query(
        "SELECT id, root_key, wrapped FROM service_keys WHERE registry = $1 ORDER BY id DESC LIMIT 1",
        registry));
    if (TRY(cursor.Next()))
      return ServiceKey{cursor.Int(0),
                        TRY(Open(registry, cursor.Int(0), cursor.TextView(1), cursor.BlobView(2)))};
  }
  return Make(transaction, registry);
}

Result<ServiceKeys::ServiceKey> ServiceKeys::Make(WriteTransaction& transaction, std::int64_t registry) {
  constexpr std::int64_t kFirst = 1;
  ServiceKey made{kFirst, SecretKey::Generate()};
  const ByteVector wrapped = SealUnder(wrapping_key_, kServiceKeyLabel,
                                       ServiceKeyContext(registry, kFirst, root_key_id_), made.key.bytes());
  // Another node may be making it at the same time: then its key is the one that counts.
  const std::int64_t inserted = TRY(transaction->Run(
      "INSERT INTO service_keys (registry, id, root_key, wrapped, created_at) VALUES ($1, $2, $3, $4, $5) "
      "ON CONFLICT (registry, id) DO NOTHING",
      registry, kFirst, root_key_id_, wrapped, transaction.now()));
  if (inserted == 0) made.key = TRY(Find(transaction.session(), registry, kFirst));
  return made;
}

Result<SecretKey> ServiceKeys::Find(Session& session, std::int64_t registry, std::int64_t id) {
  Cursor cursor = TRY(session.Query(
      "SELECT root_key, wrapped FROM service_keys WHERE registry = $1 AND id = $2", registry, id));
  if (!TRY(cursor.Next()))
    return KeyFailure("NotFoundException", "service key " + std::to_string(id) + " is missing");
  return Open(registry, id, cursor.TextView(0), cursor.BlobView(1));
}

Result<SecretKey> ServiceKeys::Open(std::int64_t registry, std::int64_t id, std::string_view root_key,
                                    Bytes wrapped) const {
  if (root_key != root_key_id_)
    return KeyFailure("NotFoundException", "a service key is wrapped under root key " +
                                               std::string(root_key) + ", but the root key at hand is " +
                                               root_key_id_);
  return OpenKeyUnder(wrapping_key_, kServiceKeyLabel, ServiceKeyContext(registry, id, root_key), wrapped);
}

}  // namespace entrepot::keys
