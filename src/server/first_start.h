#pragma once

// What a person reads when the server has started.

#include <string>
#include <vector>

#include "server/credentials_file.h"

namespace entrepot::server {

struct Greeting {
  std::vector<HostPort> listening;  // with their real ports
  bool tls = false;
  bool first_start = false;
  std::filesystem::path data_dir;
  ClientSettings client;
  std::filesystem::path credentials;
};

/// Where it listens, where the credentials are and, at first start, five lines to copy that push a first
/// image.
std::string GreetingText(const Greeting& greeting);

}  // namespace entrepot::server
