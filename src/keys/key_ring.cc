#include "keys/key_ring.h"

#include <map>
#include <optional>
#include <utility>

#include "keys/service_keys.h"
#include "keys/wrapping.h"

namespace entrepot::keys {
namespace {

using metadata::WriteTransaction;
using metadata::sql::Cursor;
using metadata::sql::Session;

constexpr std::size_t kCachedKeys = 4096;
constexpr std::int64_t kFirstKey = 1;

}  // namespace

struct KeyRing::Row {
  std::int64_t id = 0;
  WrappedKey wrapped;

  static Result<std::optional<Row>> Read(Cursor cursor) {
    if (!TRY(cursor.Next())) return std::nullopt;
    return Row{cursor.Int(0), {cursor.Int(1), cursor.Blob(2)}};
  }
  static Result<std::optional<Row>> Find(Session& session, const RepositoryRef& repository, std::int64_t id) {
    return Read(
        TRY(session.Query("SELECT id, service_key, wrapped FROM repository_keys WHERE registry = $1 AND "
                          "repository = $2 AND id = $3",
                          repository.registry, repository.repository, id)));
  }
  static Result<std::optional<Row>> FindNewest(Session& session, const RepositoryRef& repository) {
    return Read(TRY(session.Query(
        "SELECT id, service_key, wrapped FROM repository_keys WHERE registry = $1 AND repository = $2 "
        "ORDER BY id DESC LIMIT 1",
        repository.registry, repository.repository)));
  }
};

/// Unwrapped keys of committed rows. An entry counts only under the key-state version it was filled under and
/// for kCacheTime.
struct KeyRing::Cache {
  struct Place {
    std::int64_t registry, repository, id;
    auto operator<=>(const Place&) const = default;
  };
  struct Entry {
    RepositoryKey key;
    std::chrono::microseconds until;
  };

  std::optional<RepositoryKey> Find(const Place& place, std::chrono::microseconds now) {
    const std::lock_guard lock(mutex);
    const auto found = entries.find(place);
    if (found == entries.end()) return std::nullopt;
    if (found->second.key.still_valid() && now < found->second.until) return found->second.key;
    entries.erase(found);
    return std::nullopt;
  }

  void Put(const Place& place, RepositoryKey key, std::chrono::microseconds now) {
    const std::lock_guard lock(mutex);
    if (entries.size() >= kCachedKeys) DropStale(now);
    if (entries.size() >= kCachedKeys) entries.clear();
    entries.insert_or_assign(place, Entry{std::move(key), now + kCacheTime});
  }

  void DropStale(std::chrono::microseconds now) {
    std::erase_if(entries, [&](const auto& item) {
      return now >= item.second.until || !item.second.key.still_valid();
    });
  }

  std::mutex mutex;
  std::map<Place, Entry> entries;
};

KeyRing::KeyRing(SealingKeys root_keys, metadata::Store& store, FileEncryption encryption)
    : store_(store),
      encryption_(encryption),
      service_keys_(std::make_unique<ServiceKeys>(std::move(root_keys))),
      cache_(std::make_unique<Cache>()) {}
KeyRing::~KeyRing() = default;

Result<RepositoryKey> KeyRing::Current(WriteTransaction& transaction, const RepositoryRef& repository) {
  const KeyStateStamp stamp(state_);
  const auto row = TRY(Row::FindNewest(transaction.session(), repository));
  if (row) return Open(transaction.session(), repository, *row, stamp);
  return Make(transaction, repository, stamp);
}

Result<RepositoryKey> KeyRing::Load(Session& session, const RepositoryRef& repository, std::int64_t key_id) {
  const KeyStateStamp stamp(state_);
  const auto row = TRY(Row::Find(session, repository, key_id));
  if (!row)
    return KeyFailure("NotFoundException", "repository key " + std::to_string(key_id) + " is missing");
  return Open(session, repository, *row, stamp);
}

Result<RepositoryKey> KeyRing::Get(const RepositoryRef& repository, std::int64_t key_id) {
  const Cache::Place place{repository.registry, repository.repository, key_id};
  const auto now = store_.clock().Elapsed();
  if (auto cached = cache_->Find(place, now)) return *std::move(cached);
  RepositoryKey key = TRY(store_.Read([&](Session& session) { return Load(session, repository, key_id); }));
  cache_->Put(place, key, now);
  return key;
}

DataKey KeyRing::NewDataKey() const {
  if (encryption_ == FileEncryption::kDisk) return std::nullopt;
  return SecretKey::Generate();
}

Result<RepositoryKey> KeyRing::Open(Session& session, const RepositoryRef& repository, const Row& row,
                                    KeyStateStamp stamp) {
  const SecretKey key = TRY(service_keys_->Unwrap(session, repository, row.id, row.wrapped));
  return RepositoryKey(repository.registry, repository.repository, row.id,
                       std::make_shared<const SecretKey>(key), stamp);
}

Result<RepositoryKey> KeyRing::Make(WriteTransaction& transaction, const RepositoryRef& repository,
                                    KeyStateStamp stamp) {
  const SecretKey key = SecretKey::Generate();
  const WrappedKey wrapped = TRY(service_keys_->Wrap(transaction, repository, kFirstKey, key));
  const std::int64_t inserted = TRY(transaction->Run(
      "INSERT INTO repository_keys (registry, repository, id, service_key, wrapped, created_at) "
      "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (registry, repository, id) DO NOTHING",
      repository.registry, repository.repository, kFirstKey, wrapped.source_key, wrapped.wrapped,
      transaction.now()));
  if (inserted == 0) return Load(transaction.session(), repository, kFirstKey);  // another node was faster
  return RepositoryKey(repository.registry, repository.repository, kFirstKey,
                       std::make_shared<const SecretKey>(key), stamp);
}

Result<std::set<std::string>> RootKeysInUse(metadata::Store& store) {
  return store.Read([](Session& session) -> Result<std::set<std::string>> {
    std::set<std::string> ids;
    Cursor named = TRY(session.Query("SELECT DISTINCT root_key FROM service_keys"));
    while (TRY(named.Next())) ids.emplace(named.TextView(0));
    Cursor sealed =
        TRY(session.Query("SELECT sealed_secret FROM access_keys UNION ALL SELECT sealed FROM token_keys"));
    while (TRY(sealed.Next())) ids.emplace(SealingKeys::RootOf(sealed.BlobView(0)));
    return ids;
  });
}

}  // namespace entrepot::keys
