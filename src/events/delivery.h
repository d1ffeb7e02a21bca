#pragma once

// From the outbox to a receiver: at least once, and in order for each repository. What cannot be delivered is
// tried again after a while, longer each time, and holds up its repository alone; once an event has waited
// for too long it is set aside for a person to look at, and the next one has its turn.
//
// A claim with a fencing number keeps two from delivering one repository's events at a time. A process that
// dies with a claim delays them until the claim lapses, and they may then come twice.
//
// One thread calls RunSlice; the counters are for any.

#include <atomic>
#include <chrono>
#include <cstdint>

#include "events/receiver.h"

namespace entrepot::events {

struct DeliveryCounters {
  std::atomic<std::uint64_t> delivered = 0;
  std::atomic<std::uint64_t> failures = 0;  // attempts, each of which is repeated
  std::atomic<std::uint64_t> given_up = 0;  // set aside as dead
};

class Delivery {
 public:
  /// `receiver` outlives it. An event is given up when it fails `give_up` after it was made, or later.
  Delivery(metadata::Store& store, Receiver& receiver, std::chrono::microseconds give_up)
      : store_(store), receiver_(receiver), give_up_(give_up) {}

  /// Delivers a bounded number of events that are due; true when there may be more.
  Result<bool> RunSlice();

  const Receiver& receiver() const { return receiver_; }
  const DeliveryCounters& counters() const { return counters_; }

 private:
  metadata::EventOutcome OutcomeOf(const metadata::EventClaim& claim, const Attempt& attempt,
                                   Timestamp now) const;
  void Count(const metadata::EventOutcome& outcome);

  metadata::Store& store_;
  Receiver& receiver_;
  const std::chrono::microseconds give_up_;
  DeliveryCounters counters_;
};

}  // namespace entrepot::events
