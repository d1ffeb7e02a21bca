// `entrepot doctor`: the findings, as a person or a program reads them.

#include <algorithm>
#include <ostream>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "cli/commands.h"
#include "cli/findings.h"

namespace entrepot::cli {
namespace {

std::string_view Name(Finding::State state) {
  switch (state) {
    case Finding::State::kGood:
      return "ok";
    case Finding::State::kWarning:
      return "warning";
    case Finding::State::kProblem:
      return "problem";
  }
  return "";
}

void PrintText(std::ostream& out, const std::vector<Finding>& findings) {
  for (const Finding& finding : findings) {
    out << fmt::format("{:<8} {}: {}\n", Name(finding.state), finding.check, finding.detail);
    if (!finding.mend.empty()) out << fmt::format("{:<8} mend: {}\n", "", finding.mend);
  }
}

void PrintJson(std::ostream& out, const std::vector<Finding>& findings) {
  boost::json::array list;
  for (const Finding& finding : findings)
    list.push_back(boost::json::object{{"check", finding.check},
                                       {"state", Name(finding.state)},
                                       {"detail", finding.detail},
                                       {"mend", finding.mend}});
  out << boost::json::serialize(boost::json::object{{"findings", std::move(list)}}) << '\n';
}

}  // namespace

Result<int> Doctor(const Invocation& invocation, const Surroundings& surroundings) {
  const server::LoadedConfig loaded = TRY(server::LoadConfig(invocation.sources));
  const std::vector<Finding> findings = Examine(loaded.config, surroundings.environment);
  invocation.json ? PrintJson(surroundings.out, findings) : PrintText(surroundings.out, findings);
  const bool problem = std::ranges::any_of(
      findings, [](const Finding& finding) { return finding.state == Finding::State::kProblem; });
  return problem ? kFailed : kSucceeded;
}

}  // namespace entrepot::cli
