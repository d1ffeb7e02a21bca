#pragma once

// Remembers who began to push where, so that a push which outlives its token may end (design-access 3).

#include <array>
#include <mutex>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "registry/repository.h"

namespace entrepot::oci {

/// Bounded: a newer push may take an older one's place, and then that principal has to log in again. Safe
/// from any thread.
class PushGrace {
 public:
  /// How long after its token's expiry a push may go on.
  static constexpr std::chrono::hours kAfterExpiry{1};

  /// `principal` holds an upload session of the repository that was opened under a token that was then good.
  void SessionOpened(std::string_view principal, registry::RepositoryId repository, Timestamp opened_at);
  /// Whether such a session was opened no later than `token_expiry`, and `now` is within the hour behind it.
  bool Covers(std::string_view principal, registry::RepositoryId repository, Timestamp token_expiry,
              Timestamp now) const;

 private:
  struct Session {
    std::string principal;
    registry::RepositoryId repository{};
    Timestamp opened_at;
  };
  static std::size_t SlotOf(std::string_view principal, registry::RepositoryId repository);

  static constexpr std::size_t kSlots = 4096;
  mutable std::mutex mutex_;
  std::array<Session, kSlots> sessions_;  // guarded by mutex_
};

}  // namespace entrepot::oci
