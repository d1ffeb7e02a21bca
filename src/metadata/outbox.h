#pragma once

// Rows of events that wait for a receiver: in the order in which each repository's came about, claimed with a
// fencing number, deleted once delivered, kept apart once given up.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "metadata/repositories.h"

namespace entrepot::metadata {

/// Stored.
enum class EventReceiver : std::int8_t { kFile = 1, kWebhook = 2 };

struct EventRow {
  std::int64_t number = 0;  // within its stream
  std::string id;
  Timestamp made_at;  // store time
  std::string content;
};

/// Puts an event behind the others of its repository.
Result<> AddEvent(WriteTransaction& transaction, RepositoryRef ref, EventReceiver receiver,
                  std::string_view id, std::string_view content);

/// A repository's first events for a receiver, this process's to deliver until its claim lapses.
struct EventClaim {
  RepositoryRef ref;
  std::int64_t claim = 0;     // the fencing number
  std::int64_t attempts = 0;  // failed ones before this
  std::vector<EventRow> events;
};
Result<bool> AnyEventDue(sql::Session& session, EventReceiver receiver, Timestamp now);
/// Streams that are due, those that waited longest first: at most `streams` of them, `events` of each.
Result<std::vector<EventClaim>> ClaimEvents(WriteTransaction& transaction, EventReceiver receiver,
                                            Timestamp until, int streams, int events);

/// What came of a claim.
struct EventOutcome {
  std::size_t delivered = 0;  // so many of the claimed events, from the first
  bool give_up_next = false;  // the one behind them goes to the dead
  Timestamp due;              // of what is left: store time
  std::int64_t attempts = 0;
  std::string error;
};
/// False when the claim has lapsed and somebody else has claimed the stream since: then nothing is changed.
Result<bool> EndClaim(WriteTransaction& transaction, EventReceiver receiver, const EventClaim& claim,
                      const EventOutcome& outcome);

struct OutboxState {
  std::int64_t pending = 0;  // counted up to kCountedEvents, as are the dead
  std::int64_t dead = 0;
  std::optional<Timestamp> oldest;  // store time at which the oldest pending event was made
  std::string error;                // of a stream that is failing now
};
inline constexpr int kCountedEvents = 10'000;
Result<OutboxState> FindOutboxState(sql::Session& session, EventReceiver receiver);

/// Of a registry; the oldest make room, so that a receiver that is gone for good fills no disk.
inline constexpr std::int64_t kDeadEventsKept = 100'000;
struct DeadEvent {
  RepositoryRef ref;
  std::int64_t number = 0;
  EventReceiver receiver{};
  std::string id;
  Timestamp died_at;
  std::string error;
  std::string content;
};
/// Behind `after` (its registry and number), by registry and number.
Result<std::vector<DeadEvent>> ListDeadEvents(sql::Session& session, std::int64_t after_registry,
                                              std::int64_t after_number, int limit);
/// Puts it behind its repository's other events once more. False when it is not there.
Result<bool> ReviveEvent(WriteTransaction& transaction, const DeadEvent& event);
Result<bool> DropDeadEvent(WriteTransaction& transaction, const DeadEvent& event);

}  // namespace entrepot::metadata
