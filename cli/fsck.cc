// `entrepot fsck`: the check of the store, piece by piece, and its findings as they come.

#include <ostream>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/store_holder.h"

namespace entrepot::cli {
namespace {

using boost::json::object;

std::string FindingText(const object& finding) {
  const std::string_view detail = finding.at("detail").as_string();
  return fmt::format("{}: {}{}{}{}\n", std::string_view(finding.at("code").as_string()),
                     std::string_view(finding.at("subject").as_string()), detail.empty() ? "" : ": ", detail,
                     finding.at("repaired").as_bool() ? " (repaired)" : "");
}

}  // namespace

Result<int> Fsck(const Invocation& invocation, const Surroundings& surroundings) {
  const StoreHolder store = TRY(StoreHolder::Find(invocation, surroundings));
  object arguments{{"repair", invocation.has("repair")},
                   {"read_blobs", invocation.has("read-blobs")},
                   {"restart", invocation.has("restart")}};
  ProgressLine progress(surroundings);
  while (true) {
    const object step = TRY(store.Ask("fsck step", arguments));
    arguments["restart"] = false;
    const auto checked = step.at("checked").to_number<std::int64_t>();
    const auto findings = step.at("findings_total").to_number<std::int64_t>();
    const auto repaired = step.at("repaired").to_number<std::int64_t>();
    for (const boost::json::value& finding : step.at("findings").as_array())
      surroundings.out << (invocation.json ? boost::json::serialize(finding) + "\n"
                                           : FindingText(finding.as_object()));
    surroundings.out << std::flush;
    progress.Show(fmt::format("checking {}: {} checked, {} findings",
                              std::string_view(step.at("stage").as_string()), checked, findings));
    if (!step.at("done").as_bool()) continue;
    if (invocation.json)
      surroundings.out << boost::json::serialize(
                              object{{"checked", checked}, {"findings", findings}, {"repaired", repaired}})
                       << '\n';
    else
      surroundings.out << fmt::format("{} checked, {} findings, {} repaired\n", checked, findings, repaired);
    return findings == repaired ? kSucceeded : kFailed;
  }
}

}  // namespace entrepot::cli
