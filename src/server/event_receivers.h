#pragma once

// Who gets events, as configured, and their deliveries.

#include <memory>
#include <mutex>
#include <vector>

#include "events/delivery.h"
#include "events/event_file.h"
#include "events/webhook.h"
#include "server/config.h"

namespace entrepot::server {

/// "file" or "webhook".
std::string_view NameOf(metadata::EventReceiver receiver);

class EventReceivers {
 public:
  /// `store` and `clock` outlive it. kConfiguration when the webhook's secret cannot be read.
  static Result<std::unique_ptr<EventReceivers>> Open(const Config& config, metadata::Store& store,
                                                      const Clock& clock);

  struct Entry {
    events::Delivery& delivery;
    metadata::OutboxState state;  // as Watch last saw it
  };
  std::vector<Entry> entries() const;
  std::vector<std::unique_ptr<events::Delivery>>& deliveries() { return deliveries_; }
  /// Counts what waits.
  Result<> Watch();
  /// Breaks off what is being sent. From any thread.
  void Stop();

 private:
  explicit EventReceivers(metadata::Store& store) : store_(store) {}

  metadata::Store& store_;
  std::unique_ptr<events::EventFile> file_;
  std::unique_ptr<events::Webhook> webhook_;
  std::vector<std::unique_ptr<events::Delivery>> deliveries_;
  mutable std::mutex mutex_;
  std::vector<metadata::OutboxState> states_;  // of deliveries_
};

}  // namespace entrepot::server
