#pragma once

// The two files that a person's AWS tools read from the data directory (design.md 1.2): `credentials` (AWS
// shared credentials, mode 0600) and `aws-config` (region, endpoint_url and, with an own CA, ca_bundle).

#include <optional>
#include <string>

#include "access/access.h"
#include "server/config.h"
#include "server/data_directory.h"

namespace entrepot::server {

/// What `aws-config` holds: how clients on this machine reach the server.
struct ClientSettings {
  std::string region;
  std::string endpoint_url;
  std::string ca_bundle;  // a PEM file; "" when the system's authorities are enough
};

/// Of a server that listens on `first` (with its real port).
ClientSettings ClientSettingsOf(const Config& config, const DataLayout& layout, const HostPort& first);

/// Durable when they return. kStorageFault with the path and reason.
Result<> WriteCredentials(const DataLayout& layout, const access::AccessKey& key);
Result<> WriteClientSettings(const DataLayout& layout, const ClientSettings& settings);

/// kConfiguration, with what to do, when no server was ever started on this directory, or a file is not as
/// written.
Result<access::AccessKey> ReadCredentials(const DataLayout& layout);
Result<ClientSettings> ReadClientSettings(const DataLayout& layout);

/// The key of ENTREPOT_ADMIN_ACCESS_KEY_ID and ENTREPOT_ADMIN_SECRET_ACCESS_KEY, when both are set;
/// kConfiguration when only one is, or one is not of an access key's form.
Result<std::optional<access::AccessKey>> GivenAdministratorKey(const Environment& environment);

/// Lines for a POSIX shell to evaluate: `entrepot env`.
std::string ShellEnvironment(const access::AccessKey& key, const ClientSettings& settings);

/// Quoted so that a POSIX shell takes it as one word.
std::string ShellQuote(std::string_view text);

}  // namespace entrepot::server
