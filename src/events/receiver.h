#pragma once

// Who gets events: a file, a webhook. Used by one delivering thread.

#include <chrono>
#include <span>
#include <string>

#include "metadata/outbox.h"

namespace entrepot::events {

/// The first events of a repository, in their order, and what became of them.
struct Attempt {
  std::span<const metadata::EventRow> events;
  std::size_t delivered = 0;  // so many, from the first
  std::string error;          // why the next one was not; "" = it was not tried, or there is none
};

class Receiver {
 public:
  virtual ~Receiver() = default;
  virtual metadata::EventReceiver id() const = 0;
  /// How long Deliver takes at the very most.
  virtual std::chrono::seconds patience() const = 0;
  /// Delivers in order what it can. An event counts as delivered when the receiver has it for good.
  virtual void Deliver(std::span<Attempt> attempts) = 0;
};

}  // namespace entrepot::events
