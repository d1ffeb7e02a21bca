#include "events/delivery.h"

#include <algorithm>

#include "base/log.h"

namespace entrepot::events {
namespace {

using metadata::EventClaim;
using metadata::EventOutcome;
using metadata::WritePriority;
using metadata::WriteTransaction;

constexpr int kStreams = 32, kEventsOfStream = 32;  // of a slice
constexpr std::chrono::seconds kClaimMargin{5};     // for the writes around a delivery
constexpr std::chrono::seconds kFirstRetry{1}, kLongestWait{300};

// 1, 2, 4 … 300 seconds.
std::chrono::seconds WaitAfter(std::int64_t attempts) {
  const auto doublings = std::min<std::int64_t>(attempts - 1, 10);
  return std::min(kLongestWait, kFirstRetry * (std::int64_t{1} << doublings));
}

}  // namespace

Result<bool> Delivery::RunSlice() {
  const metadata::EventReceiver id = receiver_.id();
  const bool due = TRY(store_.Read([&](metadata::sql::Session& session) {
    return metadata::AnyEventDue(session, id, store_.StoreTime());
  }));
  if (!due) return false;
  const std::vector<EventClaim> claims = TRY(store_.Write(
      [&](WriteTransaction& transaction) {
        const Timestamp until = transaction.store_time() + receiver_.patience() + kClaimMargin;
        return metadata::ClaimEvents(transaction, id, until, kStreams, kEventsOfStream);
      },
      WritePriority::kBackground));
  std::vector<Attempt> attempts;
  for (const EventClaim& claim : claims) attempts.push_back({.events = claim.events, .error = ""});
  receiver_.Deliver(attempts);
  const std::vector<EventOutcome> outcomes = TRY(store_.Write(
      [&](WriteTransaction& transaction) -> Result<std::vector<EventOutcome>> {
        std::vector<EventOutcome> counted;
        for (std::size_t i = 0; i < claims.size(); ++i) {
          EventOutcome outcome = OutcomeOf(claims[i], attempts[i], transaction.store_time());
          if (TRY(metadata::EndClaim(transaction, id, claims[i], outcome)))
            counted.push_back(std::move(outcome));
        }
        return counted;
      },
      WritePriority::kBackground));
  for (const EventOutcome& outcome : outcomes) Count(outcome);
  return !claims.empty();
}

EventOutcome Delivery::OutcomeOf(const EventClaim& claim, const Attempt& attempt, Timestamp now) const {
  EventOutcome outcome{.delivered = attempt.delivered, .due = now, .error = attempt.error};
  if (attempt.error.empty()) return outcome;
  outcome.give_up_next = now - claim.events.at(attempt.delivered).made_at >= give_up_;
  if (outcome.give_up_next) return outcome;
  outcome.attempts = 1 + (attempt.delivered == 0 ? claim.attempts : 0);
  outcome.due = now + WaitAfter(outcome.attempts);
  return outcome;
}

void Delivery::Count(const EventOutcome& outcome) {
  counters_.delivered += outcome.delivered;
  if (outcome.error.empty()) return;
  ++counters_.failures;
  if (outcome.give_up_next) {
    ++counters_.given_up;
    log::Error("an event was given up: `entrepot events --dead` shows it", {{"error", outcome.error}});
  } else if (outcome.attempts == 1) {
    log::Warning("an event was not delivered and is tried again", {{"error", outcome.error}});
  }
}

}  // namespace entrepot::events
