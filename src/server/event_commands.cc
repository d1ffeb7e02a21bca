#include "server/event_commands.h"

#include <algorithm>

#include <boost/json/array.hpp>

#include "base/json.h"
#include "metadata/outbox.h"
#include "server/admin_arguments.h"
#include "server/event_receivers.h"

namespace entrepot::server {
namespace {

using boost::json::object;
using metadata::DeadEvent;
using metadata::EventReceiver;

constexpr int kPage = 200;  // events; an answer is a line of at most 1 MiB

bool Listens(const Storage& storage, EventReceiver receiver) {
  const auto& receivers = storage.outbox.receivers();
  return std::ranges::find(receivers, receiver) != receivers.end();
}

Result<object> StatusOf(Storage& storage, EventReceiver receiver) {
  const auto state = TRY(storage.store.Read(
      [&](metadata::sql::Session& session) { return metadata::FindOutboxState(session, receiver); }));
  const auto waits = state.oldest ? storage.store.StoreTime() - *state.oldest : std::chrono::microseconds(0);
  return object{{"receiver", NameOf(receiver)},
                {"configured", Listens(storage, receiver)},
                {"pending", state.pending},
                {"oldest_seconds", std::chrono::floor<std::chrono::seconds>(waits).count()},
                {"error", state.error},
                {"dead", state.dead}};
}

Result<object> Status(Storage& storage) {
  boost::json::array receivers;
  for (const EventReceiver receiver : {EventReceiver::kFile, EventReceiver::kWebhook})
    receivers.push_back(TRY(StatusOf(storage, receiver)));
  return object{{"receivers", std::move(receivers)}};
}

Result<std::vector<DeadEvent>> ListDead(Storage& storage, std::int64_t registry, std::int64_t after) {
  return storage.store.Read([&](metadata::sql::Session& session) {
    return metadata::ListDeadEvents(session, registry, after, kPage);
  });
}

Result<object> Dead(Storage& storage, const object& arguments) {
  const auto page =
      TRY(ListDead(storage, TRY(Number(arguments, "registry")), TRY(Number(arguments, "after"))));
  boost::json::array events;
  for (const DeadEvent& event : page)
    events.push_back(object{{"receiver", NameOf(event.receiver)},
                            {"given_up_at", ToIso8601(event.died_at)},
                            {"error", event.error},
                            {"event", TRY(ParseJson(event.content))}});
  object answer{{"events", std::move(events)}, {"more", page.size() == kPage}};
  if (!page.empty()) {
    answer["registry"] = page.back().ref.registry;
    answer["after"] = page.back().number;
  }
  return answer;
}

using Act = Result<bool> (*)(metadata::WriteTransaction&, const DeadEvent&);
Result<object> OnDead(Storage& storage, Act act) {
  const auto page = TRY(ListDead(storage, 0, 0));
  const int count = TRY(storage.store.Write([&](metadata::WriteTransaction& transaction) -> Result<int> {
    int done = 0;
    for (const DeadEvent& event : page)
      if (TRY(act(transaction, event))) ++done;
    return done;
  }));
  return object{{"events", count}, {"more", page.size() == kPage}};
}

}  // namespace

AdminCommands EventCommands(Storage& storage) {
  AdminCommands commands;
  commands["events status"] = [&storage](const object&) { return Status(storage); };
  commands["events dead"] = [&storage](const object& arguments) { return Dead(storage, arguments); };
  commands["events retry"] = [&storage](const object&) { return OnDead(storage, metadata::ReviveEvent); };
  commands["events drop"] = [&storage](const object&) { return OnDead(storage, metadata::DropDeadEvent); };
  return commands;
}

}  // namespace entrepot::server
