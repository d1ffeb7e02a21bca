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
  const SealingKeys::Key root = root_keys_.Current();
  const ByteVector wrapped = Seal(registry, made, root);
  // Another node may be making it at the same time: then its key is the one that counts.
  const std::int64_t inserted = TRY(transaction->Run(
      "INSERT INTO service_keys (registry, id, root_key, wrapped, created_at) VALUES ($1, $2, $3, $4, $5) "
      "ON CONFLICT (registry, id) DO NOTHING",
      registry, kFirst, root.root, wrapped, transaction.now()));
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
  const std::optional<SecretKey> root = root_keys_.Find(root_key);
  if (!root)
    return KeyFailure("NotFoundException", "a service key is wrapped under root key " +
                                               std::string(root_key) + ", but the root key at hand is " +
                                               root_keys_.Current().root);
  return OpenKeyUnder(*root, kServiceKeyLabel, ServiceKeyContext(registry, id, root_key), wrapped);
}

ByteVector ServiceKeys::Seal(std::int64_t registry, const ServiceKey& service_key,
                             const SealingKeys::Key& root) const {
  return SealUnder(root.key, kServiceKeyLabel, ServiceKeyContext(registry, service_key.id, root.root),
                   service_key.key.bytes());
}

Result<std::vector<ServiceKeys::Row>> ServiceKeys::List(Session& session) {
  std::vector<Row> rows;
  Cursor cursor = TRY(session.Query("SELECT registry, id, root_key, wrapped FROM service_keys"));
  while (TRY(cursor.Next()))
    rows.push_back({cursor.Int(0), cursor.Int(1), std::string(cursor.TextView(2)), cursor.Blob(3)});
  return rows;
}

Result<std::int64_t> ServiceKeys::WrapAnew(WriteTransaction& transaction) {
  const SealingKeys::Key root = root_keys_.Current();
  std::int64_t wrapped = 0;
  for (const Row& row : TRY(List(transaction.session()))) {
    if (row.root_key == root.root) continue;
    const ServiceKey key{row.id, TRY(Open(row.registry, row.id, row.root_key, row.wrapped))};
    wrapped += TRY(transaction->Run(
        "UPDATE service_keys SET root_key = $1, wrapped = $2 WHERE registry = $3 AND id = $4", root.root,
        Seal(row.registry, key, root), row.registry, row.id));
  }
  return wrapped;
}

Result<> ServiceKeys::CheckAll(Session& session) const {
  const std::string root = root_keys_.Current().root;
  for (const Row& row : TRY(List(session))) {
    if (row.root_key != root)
      return KeyFailure("KMSInternalException", "a service key is still wrapped under " + row.root_key);
    TRY(Open(row.registry, row.id, row.root_key, row.wrapped));
  }
  return {};
}

}  // namespace entrepot::keys
