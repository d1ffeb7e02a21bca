#include "oci/push_grace.h"

#include <functional>

namespace entrepot::oci {

std::size_t PushGrace::SlotOf(std::string_view principal, registry::RepositoryId repository) {
  const auto mixed = static_cast<std::uint64_t>(repository) * 0x9e3779b97f4a7c15ull;
  return (std::hash<std::string_view>{}(principal) ^ (mixed >> 20)) % kSlots;
}

void PushGrace::SessionOpened(std::string_view principal, registry::RepositoryId repository,
                              Timestamp opened_at) {
  const std::lock_guard lock(mutex_);
  Session& session = sessions_[SlotOf(principal, repository)];
  const bool same = session.principal == principal && session.repository == repository;
  if (same && session.opened_at <= opened_at) return;  // the earliest is the one that counts
  session = {std::string(principal), repository, opened_at};
}

bool PushGrace::Covers(std::string_view principal, registry::RepositoryId repository, Timestamp token_expiry,
                       Timestamp now) const {
  if (now > token_expiry + kAfterExpiry) return false;
  const std::lock_guard lock(mutex_);
  const Session& session = sessions_[SlotOf(principal, repository)];
  return session.principal == principal && session.repository == repository &&
         session.opened_at <= token_expiry;
}

}  // namespace entrepot::oci
