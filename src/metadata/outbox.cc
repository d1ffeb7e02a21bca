#include "metadata/outbox.h"

namespace entrepot::metadata {
namespace {

// The next number of a stream, which begins when its first event comes.
Result<std::int64_t> NextOfStream(WriteTransaction& transaction, RepositoryRef ref, EventReceiver receiver) {
  sql::Cursor row = TRY(transaction->Query(
      "INSERT INTO event_streams (registry, repository, receiver, next, due, claim, attempts, error)"
      " VALUES ($1, $2, $3, 2, $4, 0, 0, '') ON CONFLICT (registry, repository, receiver)"
      " DO UPDATE SET next = event_streams.next + 1 RETURNING next - 1",
      ref.registry, ref.repository, static_cast<int>(receiver), transaction.store_time()));
  if (!TRY(row.Next())) return Fail(ErrorCode::kInternal, "an event stream returned no number");
  const std::int64_t number = row.Int(0);
  TRY(row.Next());  // runs the statement to its end
  return number;
}

Result<std::vector<EventClaim>> DueStreams(WriteTransaction& transaction, EventReceiver receiver, int limit) {
#define DUE_STREAMS                                                                            \
  "SELECT registry, repository, attempts FROM event_streams WHERE receiver = $1 AND due <= $2" \
  " ORDER BY due LIMIT $3"
  sql::Cursor row =
      TRY(transaction->Query(transaction->locks_rows() ? DUE_STREAMS " FOR UPDATE SKIP LOCKED" : DUE_STREAMS,
                             static_cast<int>(receiver), transaction.store_time(), limit));
  std::vector<EventClaim> claims;
  while (TRY(row.Next()))
    claims.push_back({.ref = {row.Int(0), row.Int(1)}, .attempts = row.Int(2), .events = {}});
  return claims;
}

Result<std::vector<EventRow>> FirstEvents(sql::Session& session, RepositoryRef ref, EventReceiver receiver,
                                          int limit) {
  sql::Cursor row = TRY(
      session.Query("SELECT number, id, made_at, content FROM events WHERE registry = $1 AND repository = $2"
                    " AND receiver = $3 ORDER BY number LIMIT $4",
                    ref.registry, ref.repository, static_cast<int>(receiver), limit));
  std::vector<EventRow> events;
  while (TRY(row.Next())) events.push_back({row.Int(0), row.Text(1), row.Time(2), row.Text(3)});
  return events;
}

Result<> Bury(WriteTransaction& transaction, RepositoryRef ref, EventReceiver receiver, const EventRow& event,
              std::string_view error) {
  const std::int64_t number = TRY(NextNumber(transaction, "dead events"));
  TRY(transaction->Run(
      "INSERT INTO dead_events (registry, number, repository, receiver, id, died_at, error, content)"
      " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
      ref.registry, number, ref.repository, static_cast<int>(receiver), event.id, transaction.now(), error,
      event.content));
  TRY(transaction->Run("DELETE FROM dead_events WHERE registry = $1 AND number <= $2", ref.registry,
                       number - kDeadEventsKept));
  return {};
}

Result<std::int64_t> Count(sql::Session& session, std::string_view query, EventReceiver receiver) {
  sql::Cursor row = TRY(session.Query(query, static_cast<int>(receiver), kCountedEvents));
  TRY(row.Next());
  return row.Int(0);
}

}  // namespace

Result<> AddEvent(WriteTransaction& transaction, RepositoryRef ref, EventReceiver receiver,
                  std::string_view id, std::string_view content) {
  const std::int64_t number = TRY(NextOfStream(transaction, ref, receiver));
  TRY(
      transaction->Run("INSERT INTO events (registry, repository, receiver, number, id, made_at, content)"
                       " VALUES ($1, $2, $3, $4, $5, $6, $7)",
                       ref.registry, ref.repository, static_cast<int>(receiver), number, id,
                       transaction.store_time(), content));
  return {};
}

Result<bool> AnyEventDue(sql::Session& session, EventReceiver receiver, Timestamp now) {
  sql::Cursor row = TRY(session.Query("SELECT 1 FROM event_streams WHERE receiver = $1 AND due <= $2 LIMIT 1",
                                      static_cast<int>(receiver), now));
  return row.Next();
}

Result<std::vector<EventClaim>> ClaimEvents(WriteTransaction& transaction, EventReceiver receiver,
                                            Timestamp until, int streams, int events) {
  std::vector<EventClaim> claims = TRY(DueStreams(transaction, receiver, streams));
  if (claims.empty()) return claims;
  // Of a counter, since a stream that ended and began anew must not take an old claim for its own.
  const std::int64_t number = TRY(NextNumber(transaction, "event claims"));
  for (EventClaim& claim : claims) {
    claim.claim = number;
    TRY(transaction->Run(
        "UPDATE event_streams SET claim = $4, due = $5 WHERE registry = $1 AND repository = $2"
        " AND receiver = $3",
        claim.ref.registry, claim.ref.repository, static_cast<int>(receiver), claim.claim, until));
    claim.events = TRY(FirstEvents(transaction.session(), claim.ref, receiver, events));
  }
  return claims;
}

Result<bool> EndClaim(WriteTransaction& transaction, EventReceiver receiver, const EventClaim& claim,
                      const EventOutcome& outcome) {
  const auto [registry, repository] = claim.ref;
  const std::int64_t ours = TRY(transaction->Run(
      "UPDATE event_streams SET due = $5, attempts = $6, error = $7 WHERE registry = $1 AND repository = $2"
      " AND receiver = $3 AND claim = $4",
      registry, repository, static_cast<int>(receiver), claim.claim, outcome.due, outcome.attempts,
      outcome.error));
  if (ours == 0) return false;
  const std::size_t gone = outcome.delivered + (outcome.give_up_next ? 1 : 0);
  if (outcome.give_up_next)
    TRY(Bury(transaction, claim.ref, receiver, claim.events.at(outcome.delivered), outcome.error));
  if (gone > 0)
    TRY(transaction->Run(
        "DELETE FROM events WHERE registry = $1 AND repository = $2 AND receiver = $3 AND number <= $4",
        registry, repository, static_cast<int>(receiver), claim.events.at(gone - 1).number));
  if (TRY(FirstEvents(transaction.session(), claim.ref, receiver, 1)).empty())
    TRY(transaction->Run(
        "DELETE FROM event_streams WHERE registry = $1 AND repository = $2 AND receiver = $3", registry,
        repository, static_cast<int>(receiver)));
  return true;
}

Result<OutboxState> FindOutboxState(sql::Session& session, EventReceiver receiver) {
  OutboxState state;
  state.pending = TRY(
      Count(session, "SELECT COUNT(*) FROM (SELECT 1 FROM events WHERE receiver = $1 LIMIT $2) m", receiver));
  state.dead = TRY(Count(
      session, "SELECT COUNT(*) FROM (SELECT 1 FROM dead_events WHERE receiver = $1 LIMIT $2) m", receiver));
  {
    sql::Cursor row =
        TRY(session.Query("SELECT made_at FROM events WHERE receiver = $1 ORDER BY made_at LIMIT 1",
                          static_cast<int>(receiver)));
    if (TRY(row.Next())) state.oldest = row.Time(0);
  }
  sql::Cursor row = TRY(session.Query(
      "SELECT error FROM event_streams WHERE receiver = $1 AND attempts > 0 ORDER BY due DESC LIMIT 1",
      static_cast<int>(receiver)));
  if (TRY(row.Next())) state.error = row.Text(0);
  return state;
}

Result<std::vector<DeadEvent>> ListDeadEvents(sql::Session& session, std::int64_t after_registry,
                                              std::int64_t after_number, int limit) {
  sql::Cursor row = TRY(session.Query(
      "SELECT registry, repository, number, receiver, id, died_at, error, content FROM dead_events"
      " WHERE (registry, number) > ($1, $2) ORDER BY registry, number LIMIT $3",
      after_registry, after_number, limit));
  std::vector<DeadEvent> events;
  while (TRY(row.Next()))
    events.push_back({.ref = {row.Int(0), row.Int(1)},
                      .number = row.Int(2),
                      .receiver = static_cast<EventReceiver>(row.Int(3)),
                      .id = row.Text(4),
                      .died_at = row.Time(5),
                      .error = row.Text(6),
                      .content = row.Text(7)});
  return events;
}

Result<bool> ReviveEvent(WriteTransaction& transaction, const DeadEvent& event) {
  if (!TRY(DropDeadEvent(transaction, event))) return false;
  TRY(AddEvent(transaction, event.ref, event.receiver, event.id, event.content));
  return true;
}

Result<bool> DropDeadEvent(WriteTransaction& transaction, const DeadEvent& event) {
  return TRY(transaction->Run("DELETE FROM dead_events WHERE registry = $1 AND number = $2",
                              event.ref.registry, event.number)) == 1;
}

}  // namespace entrepot::metadata
