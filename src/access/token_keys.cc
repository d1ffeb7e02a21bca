#include "access/token_keys.h"

#include <algorithm>

#include "metadata/identities.h"

namespace entrepot::access {
namespace {

using metadata::TokenKeyRow;

ByteVector RowContext(std::int64_t id) { return Framed({AsBytes("token key"), AsBytes(std::to_string(id))}); }

}  // namespace

ByteVector SealTokenKey(const SealingKeys& sealing_keys, std::int64_t id, const SecretKey& secret) {
  return sealing_keys.Seal(RowContext(id), secret.bytes());
}

Result<SecretKey> OpenTokenKey(const SealingKeys& sealing_keys, std::int64_t id, Bytes sealed) {
  ByteVector secret = TRY(sealing_keys.Open(RowContext(id), sealed));
  if (secret.size() != SecretKey::kLength)
    return Fail(ErrorCode::kDamaged, "a token key has the wrong length");
  const SecretKey key = SecretKey::From(secret);
  Wipe(secret);
  return key;
}

Result<std::unique_ptr<TokenKeys>> TokenKeys::Open(metadata::Store& store, SealingKeys sealing_keys) {
  std::unique_ptr<TokenKeys> keys(new TokenKeys(store, std::move(sealing_keys)));
  TRY(keys->Reload());
  TRY(keys->Maintain());
  return keys;
}

Result<> TokenKeys::Reload() {
  const metadata::Seen seen(store_.versions(), metadata::TokenKeysVersion());
  const auto rows =
      TRY(store_.Read([](metadata::sql::Session& session) { return metadata::ListTokenKeys(session); }));
  std::vector<TokenKey> keys;
  for (const TokenKeyRow& row : rows) {
    keys.push_back({row.id, TRY(OpenTokenKey(sealing_keys_, row.id, row.sealed)), row.created_at});
  }
  const std::lock_guard lock(mutex_);
  keys_ = std::move(keys);
  seen_ = seen;
  return {};
}

TokenKey TokenKeys::Current() const {
  const Timestamp now = store_.clock().Now();
  const std::lock_guard lock(mutex_);
  for (auto key = keys_.rbegin(); key != keys_.rend(); ++key)
    if (key->created_at + kPublishedBefore <= now) return *key;
  return keys_.front();
}

const TokenKey* TokenKeys::FindInMemory(std::int64_t id) const {
  const auto found = std::ranges::find(keys_, id, &TokenKey::id);
  return found == keys_.end() ? nullptr : &*found;
}

bool TokenKeys::MayAsk() {
  const std::chrono::microseconds now = store_.clock().Elapsed();
  if (now - asked_ < kAskAgainAfter) return false;
  asked_ = now;
  return true;
}

std::optional<TokenKey> TokenKeys::TryFind(std::int64_t id) const {
  const std::lock_guard lock(mutex_);
  const TokenKey* key = seen_.Unchanged(store_.versions()) ? FindInMemory(id) : nullptr;
  return key ? std::optional(*key) : std::nullopt;
}

Result<TokenKey> TokenKeys::Find(std::int64_t id) {
  {
    const std::lock_guard lock(mutex_);
    const bool unchanged = seen_.Unchanged(store_.versions());
    if (const TokenKey* key = FindInMemory(id); key && unchanged) return *key;
    if (unchanged && !MayAsk()) return Fail(ErrorCode::kRegistryTokenInvalid);
  }
  TRY(Reload());
  const std::lock_guard lock(mutex_);
  if (const TokenKey* key = FindInMemory(id)) return *key;
  return Fail(ErrorCode::kRegistryTokenInvalid);
}

Result<> TokenKeys::Maintain() {
  {
    const std::lock_guard lock(mutex_);
    if (!keys_.empty() && store_.clock().Now() - keys_.back().created_at < kReplacedAfter) return {};
  }
  TRY(Renew());
  return Reload();
}

// Several nodes, or threads, may come here at once: the transaction looks again.
Result<> TokenKeys::Renew() {
  const SecretKey secret = SecretKey::Generate();
  const Timestamp now = store_.clock().Now();
  return store_.Write([&](metadata::WriteTransaction& transaction) -> Result<> {
    const auto rows = TRY(metadata::ListTokenKeys(transaction.session()));
    const std::int64_t id = rows.empty() ? 1 : rows.back().id + 1;
    if (!rows.empty() && now - rows.back().created_at < kReplacedAfter) return {};
    TRY(metadata::InsertTokenKey(transaction, {id, SealTokenKey(sealing_keys_, id, secret), now}));
    for (std::size_t i = 0; i + 1 < rows.size(); ++i)  // each was replaced when the next one came
      if (now - rows[i + 1].created_at > kKept) TRY(metadata::DeleteTokenKey(transaction, rows[i].id));
    return {};
  });
}

}  // namespace entrepot::access
