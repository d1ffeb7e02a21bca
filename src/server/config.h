#pragma once

// What the server runs with. Every setting is one row of settings.cc; its flag and its environment variable
// follow from its key. Precedence: flags, then ENTREPOT_* variables, then the TOML file, then the default.

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip_address.h"
#include "base/log.h"
#include "base/names.h"
#include "base/result.h"
#include "server/host_port.h"

namespace entrepot::server {

enum class TlsMode { kOff, kAuto };
/// Who encrypts layers at rest: the service key (design-storage part 2), or the operator's disk below.
enum class StorageEncryption { kServiceKey, kDisk };

struct Config {
  std::filesystem::path data_dir;  // "" when ephemeral
  bool ephemeral = false;
  std::vector<HostPort> listen;
  bool insecure_http = false;
  std::vector<AddressRange> trusted_proxies;  // whose Forwarded and X-Forwarded-* are believed

  TlsMode tls = TlsMode::kOff;
  std::vector<std::string> tls_names;  // further names and addresses in the certificate of tls = "auto"
  std::filesystem::path tls_cert, tls_key;

  AccountId account_id = AccountId::Trusted("");
  Region region = Region::Trusted("");
  std::vector<Region> regions;  // empty = every region of a valid form
  std::string domain;           // "" = names follow the Host that the caller used

  StorageEncryption storage_encryption = StorageEncryption::kServiceKey;
  std::filesystem::path storage_archive_dir;  // "" = in the data directory
  std::int64_t storage_free_watermark = 0;    // percent of the disk
  std::uint64_t storage_reserve = 0;          // bytes
  std::chrono::seconds collection_grace{0}, collection_interval{0};
  std::string database;  // "sqlite:<path>" or "postgresql://…"; "" = sqlite under the data directory

  // Who gets events. Neither a file nor a URL: nobody, and no event is made.
  std::filesystem::path events_file;
  std::uint64_t events_file_bytes = 0;
  int events_file_keep = 0;
  bool events_pulls = false;  // of pulls too
  std::string events_webhook_url;
  std::filesystem::path events_webhook_secret_file;
  std::chrono::seconds events_webhook_timeout{0}, events_give_up{0};

  log::Level log_level = log::Level::kInfo;
  log::Format log_format = log::Format::kAuto;

  std::int64_t limits_connections = 0;
  std::uint64_t limits_body_memory = 0;  // bytes
  std::chrono::seconds drain_seconds{0};
  bool create_on_push = false;  // without a template too

  std::int64_t quotas_repositories = 0, quotas_images = 0, quotas_tags = 0, quotas_pull_time_exclusions = 0;

  bool compat_ecr_quirks = false;
  int compat_json_auth_status = 0;

  std::optional<HostPort> metrics_listen;
  std::int64_t metrics_repositories = 0;  // told apart in /metrics

  /// Whether the listeners speak TLS, by an own or a given certificate.
  bool uses_tls() const { return tls == TlsMode::kAuto || !tls_cert.empty(); }
};

/// An environment: the value of a variable, or nothing.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;
Environment ProcessEnvironment();

/// Where values may come from. `flags` holds what the command line gave, by key; a switch without a value is
/// "true".
struct ConfigSources {
  std::optional<std::filesystem::path> file;
  Environment environment;
  std::map<std::string, std::vector<std::string>, std::less<>> flags;
};

struct LoadedConfig {
  Config config;
  /// Where each value came from, by key: "default", "--listen", "ENTREPOT_LISTEN" or "<file>:<line>".
  std::map<std::string, std::string, std::less<>> origins;
};

/// kConfiguration names the flag, variable or line, the value and what is allowed.
Result<LoadedConfig> LoadConfig(const ConfigSources& sources);

/// The effective settings as a TOML file that LoadConfig reads back, each with a comment on where it came
/// from.
std::string PrintConfig(const LoadedConfig& loaded);

/// $XDG_DATA_HOME/entrepot or ~/.local/share/entrepot; /var/lib/entrepot for root. "" when there is no home.
std::filesystem::path DefaultDataDirectory(const Environment& environment, bool root);

}  // namespace entrepot::server
