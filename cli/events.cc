// `entrepot events`: what waits for the receivers of events, and what they did not take.

#include <ostream>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/store_holder.h"

namespace entrepot::cli {
namespace {

using boost::json::object;

std::string ReceiverText(const object& receiver) {
  std::string text = fmt::format("{}{}: {} events wait", Text(receiver, "receiver"),
                                 receiver.at("configured").as_bool() ? "" : " (not configured)",
                                 Number(receiver, "pending"));
  if (Number(receiver, "pending") > 0)
    text += fmt::format(", the oldest for {} s", Number(receiver, "oldest_seconds"));
  if (!Text(receiver, "error").empty()) text += fmt::format("; failing: {}", Text(receiver, "error"));
  return text + fmt::format("; {} were given up\n", Number(receiver, "dead"));
}

std::string DeadText(const object& dead) {
  return fmt::format("{} given up at {} ({}): {}\n", Text(dead, "receiver"), Text(dead, "given_up_at"),
                     Text(dead, "error"), boost::json::serialize(dead.at("event")));
}

// One line each, a page at a time.
Result<int> ShowDead(const StoreHolder& store, const Invocation& invocation, std::ostream& out) {
  object arguments;
  for (bool more = true; more;) {
    const object page = TRY(store.Ask("events dead", arguments));
    for (const boost::json::value& event : page.at("events").as_array())
      out << (invocation.json ? boost::json::serialize(event) + "\n" : DeadText(event.as_object()));
    more = page.at("more").as_bool();
    if (more) arguments = {{"registry", page.at("registry")}, {"after", page.at("after")}};
  }
  return kSucceeded;
}

Result<int> ActOnDead(const StoreHolder& store, const Invocation& invocation, std::ostream& out,
                      std::string_view command, std::string_view done) {
  std::int64_t events = 0;
  for (bool more = true; more;) {
    const object answer = TRY(store.Ask(command));
    events += Number(answer, "events");
    more = answer.at("more").as_bool();
  }
  out << (invocation.json ? boost::json::serialize(object{{"events", events}}) + "\n"
                          : fmt::format("{} events {}\n", events, done));
  return kSucceeded;
}

}  // namespace

Result<int> Events(const Invocation& invocation, const Surroundings& surroundings) {
  const StoreHolder store = TRY(StoreHolder::Find(invocation, surroundings));
  std::ostream& out = surroundings.out;
  if (invocation.has("dead")) return ShowDead(store, invocation, out);
  if (invocation.has("retry")) return ActOnDead(store, invocation, out, "events retry", "are sent again");
  if (invocation.has("drop")) return ActOnDead(store, invocation, out, "events drop", "were dropped");
  const object status = TRY(store.Ask("events status"));
  if (invocation.json) {
    out << boost::json::serialize(status) << '\n';
  } else {
    for (const boost::json::value& receiver : status.at("receivers").as_array())
      out << ReceiverText(receiver.as_object());
  }
  return kSucceeded;
}

}  // namespace entrepot::cli
