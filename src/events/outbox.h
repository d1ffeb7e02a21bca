#pragma once

// Where the domain puts what it announces: rows written in the transaction of the effect itself, so that an
// event is there exactly when its effect is. delivery.h takes them on. Immutable; safe from any thread.

#include <vector>

#include "events/event.h"
#include "metadata/outbox.h"

namespace entrepot::events {

class Outbox {
 public:
  /// Without receivers nothing is ever written, and no push pays for it.
  explicit Outbox(std::vector<metadata::EventReceiver> receivers = {}) : receivers_(std::move(receivers)) {}

  /// Whether anybody listens: what only events need is not looked up otherwise.
  bool enabled() const { return !receivers_.empty(); }
  const std::vector<metadata::EventReceiver>& receivers() const { return receivers_; }
  /// Puts the event behind the others of its repository, once for each receiver.
  Result<> Announce(metadata::WriteTransaction& transaction, metadata::RepositoryRef ref,
                    const Event& event) const;

 private:
  const std::vector<metadata::EventReceiver> receivers_;
};

}  // namespace entrepot::events
