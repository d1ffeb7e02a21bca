#include "events/outbox.h"

namespace entrepot::events {

Result<> Outbox::Announce(metadata::WriteTransaction& transaction, metadata::RepositoryRef ref,
                          const Event& event) const {
  if (!enabled()) return {};
  const std::string content = event.ToJson();
  for (const metadata::EventReceiver receiver : receivers_)
    TRY(metadata::AddEvent(transaction, ref, receiver, event.id, content));
  return {};
}

}  // namespace entrepot::events
