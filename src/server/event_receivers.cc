#include "server/event_receivers.h"

#include "server/small_files.h"

namespace entrepot::server {
namespace {

Result<std::optional<std::string>> ReadSecret(const Config& config) {
  if (config.events_webhook_secret_file.empty()) return std::nullopt;
  Result<std::string> text = ReadSmallFile(config.events_webhook_secret_file);
  if (!text) return Fail(ErrorCode::kConfiguration, std::string(text.error().fact("detail")));
  while (!text->empty() && (text->back() == '\n' || text->back() == '\r')) text->pop_back();
  if (text->empty())
    return Fail(ErrorCode::kConfiguration,
                config.events_webhook_secret_file.string() + " is empty: put the webhook's secret into it");
  return *std::move(text);
}

}  // namespace

std::string_view NameOf(metadata::EventReceiver receiver) {
  return receiver == metadata::EventReceiver::kFile ? "file" : "webhook";
}

Result<std::unique_ptr<EventReceivers>> EventReceivers::Open(const Config& config, metadata::Store& store,
                                                             const Clock& clock) {
  std::unique_ptr<EventReceivers> receivers(new EventReceivers(store));
  const auto deliver_to = [&](events::Receiver& receiver) {
    receivers->deliveries_.push_back(
        std::make_unique<events::Delivery>(store, receiver, config.events_give_up));
    receivers->states_.emplace_back();
  };
  if (!config.events_file.empty()) {
    receivers->file_ = std::make_unique<events::EventFile>(events::EventFile::Settings{
        .path = config.events_file, .rotate_at = config.events_file_bytes, .keep = config.events_file_keep});
    deliver_to(*receivers->file_);
  }
  if (!config.events_webhook_url.empty()) {
    receivers->webhook_ =
        std::make_unique<events::Webhook>(events::Webhook::Settings{.url = config.events_webhook_url,
                                                                    .secret = TRY(ReadSecret(config)),
                                                                    .timeout = config.events_webhook_timeout},
                                          clock);
    deliver_to(*receivers->webhook_);
  }
  return receivers;
}

std::vector<EventReceivers::Entry> EventReceivers::entries() const {
  const std::lock_guard lock(mutex_);
  std::vector<Entry> entries;
  for (std::size_t i = 0; i < deliveries_.size(); ++i) entries.push_back({*deliveries_[i], states_[i]});
  return entries;
}

Result<> EventReceivers::Watch() {
  std::vector<metadata::OutboxState> states;
  for (const auto& delivery : deliveries_)
    states.push_back(TRY(store_.Read([&](metadata::sql::Session& session) {
      return metadata::FindOutboxState(session, delivery->receiver().id());
    })));
  const std::lock_guard lock(mutex_);
  states_ = std::move(states);
  return {};
}

void EventReceivers::Stop() {
  if (webhook_) webhook_->Stop();
}

}  // namespace entrepot::server
