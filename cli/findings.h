#pragma once

// What `entrepot doctor` looks at. Each check says what it saw and, where that is not well, how to mend it.

#include <string>
#include <string_view>
#include <vector>

#include "server/config.h"
#include "server/credentials_file.h"

namespace entrepot::cli {

struct Finding {
  enum class State { kGood, kWarning, kProblem };
  std::string_view check;  // what was looked at
  State state = State::kGood;
  std::string detail;
  std::string mend;  // "" when there is nothing to do
};

/// Looks at everything a server on this configuration and its clients on this machine depend on. Changes
/// nothing.
std::vector<Finding> Examine(const server::Config& config, const server::Environment& environment);

// The checks that Examine is made of.
Finding CheckDataDirectory(const server::DataLayout& layout);
Finding CheckFreeSpace(const server::DataLayout& layout);
Finding CheckServer(const server::Config& config, const server::DataLayout& layout);
Finding CheckCredentials(const server::DataLayout& layout);
Finding CheckRegionAndAccount(const server::Config& config, const server::DataLayout& layout);
Finding CheckClock(const server::DataLayout& layout);
Finding CheckShell(const server::Environment& environment, const server::DataLayout& layout);
/// docker (`certs` = /etc/docker/certs.d) and the podman family (/etc/containers/certs.d): are they here, and
/// will they talk to an endpoint like this one?
Finding CheckDocker(const server::Environment& environment, const server::ClientSettings& settings);
Finding CheckPodman(const server::Environment& environment, const server::ClientSettings& settings);

}  // namespace entrepot::cli
