// `entrepot gc`: collection, by hand.

#include <ostream>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/store_holder.h"

namespace entrepot::cli {
namespace {

using boost::json::object;

std::string Summary(const object& freed) {
  return fmt::format("{} blobs ({} bytes), {} links, {} uploads", Number(freed, "blobs"),
                     Number(freed, "bytes"), Number(freed, "links"), Number(freed, "uploads"));
}

std::string StatusText(const object& status) {
  const std::string_view last_run = status.at("last_run").as_string();
  return fmt::format(
      "collection: {}\nwaiting: {}\nlast run to the end: {}\ngrace: {} s{}\nfreed since the start: {}\n",
      status.at("paused").as_bool()            ? "paused"
      : status.at("waits_for_clock").as_bool() ? "waits, because the wall clock jumped"
                                               : "on",
      Number(status, "due"), last_run.empty() ? "none yet" : last_run, Number(status, "grace_seconds"),
      status.at("disk_nearly_full").as_bool() ? ", shortened because the disk is nearly full" : "",
      Summary(status.at("freed").as_object()));
}

// Step by step to the end, adding up what was freed.
Result<object> Collect(const StoreHolder& store, const Surroundings& surroundings) {
  ProgressLine progress(surroundings);
  const std::string expected = surroundings.terminal ? Summary(TRY(store.Ask("gc preview"))) : "";
  object total{{"links", 0}, {"blobs", 0}, {"bytes", 0}, {"artifacts", 0}, {"uploads", 0}, {"orphans", 0}};
  for (bool more = true; more;) {
    const object step = TRY(store.Ask("gc step"));
    for (auto& [name, value] : total) value = value.to_number<std::int64_t>() + Number(step, name);
    more = step.at("more").as_bool();
    progress.Show(fmt::format("collecting: {} of about {}", Summary(total), expected));
  }
  return total;
}

struct Outcome {
  object answer;
  std::string text;
};

Result<Outcome> Run(const Invocation& invocation, const StoreHolder& store,
                    const Surroundings& surroundings) {
  if (invocation.has("pause") || invocation.has("resume")) {
    if (!store.is_server())
      return Fail(ErrorCode::kUnavailable,
                  "no server runs on this data directory, so nothing is collected now");
    object status = TRY(store.Ask(invocation.has("pause") ? "gc pause" : "gc resume"));
    std::string text = StatusText(status);
    return Outcome{std::move(status), std::move(text)};
  }
  if (invocation.has("status")) {
    object status = TRY(store.Ask("gc status"));
    std::string text = StatusText(status);
    return Outcome{std::move(status), std::move(text)};
  }
  if (invocation.has("dry-run")) {
    object preview = TRY(store.Ask("gc preview"));
    std::string text = fmt::format("would free {}\n", Summary(preview));
    if (const std::int64_t repositories = Number(preview, "repositories"); repositories > 0)
      text += fmt::format("and what {} deleted repositories leave\n", repositories);
    return Outcome{std::move(preview), std::move(text)};
  }
  object freed = TRY(Collect(store, surroundings));
  std::string text = fmt::format("freed {}\n", Summary(freed));
  return Outcome{std::move(freed), std::move(text)};
}

}  // namespace

Result<int> Gc(const Invocation& invocation, const Surroundings& surroundings) {
  const StoreHolder store = TRY(StoreHolder::Find(invocation, surroundings));
  const Outcome outcome = TRY(Run(invocation, store, surroundings));
  surroundings.out << (invocation.json ? boost::json::serialize(outcome.answer) + "\n" : outcome.text);
  return kSucceeded;
}

}  // namespace entrepot::cli
