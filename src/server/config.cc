#include "server/config.h"

#include <algorithm>
#include <cstdlib>
#include <tuple>
#include <unistd.h>

#include <fmt/format.h>

#include "base/check.h"
#include "server/settings.h"
#include "server/toml_file.h"

namespace entrepot::server {
namespace {

constexpr std::string_view kDefault = "default";

std::string AsText(const SettingValue& value) {
  if (const bool* truth = std::get_if<bool>(&value)) return *truth ? "true" : "false";
  if (const std::int64_t* number = std::get_if<std::int64_t>(&value)) return std::to_string(*number);
  if (const std::string* text = std::get_if<std::string>(&value)) return *text;
  return fmt::format("{}", fmt::join(std::get<std::vector<std::string>>(value), ","));
}

std::unexpected<Error> NotAllowed(const Setting& setting, std::string_view origin, std::string_view value) {
  return Fail(ErrorCode::kConfiguration, fmt::format("{}: \"{}\" is not allowed for {}: expected {}", origin,
                                                     value, setting.key, setting.allowed));
}

/// The configuration as it grows, source by source.
class Builder {
 public:
  Result<> Set(const Setting& setting, const SettingValue& value, std::string origin) {
    if (!setting.assign(setting, value, loaded_.config)) return NotAllowed(setting, origin, AsText(value));
    loaded_.origins.insert_or_assign(std::string(setting.key), std::move(origin));
    return {};
  }

  Result<> SetDefaults() {
    for (const Setting& setting : Settings())
      TRY(Set(setting, std::string(setting.fallback), std::string(kDefault)));
    return {};
  }

  Result<> SetFromFile(const std::filesystem::path& file) {
    for (const TomlEntry& entry : TRY(ReadTomlFile(file))) {
      const std::string origin = fmt::format("{}:{}", file.string(), entry.line);
      const Setting* setting = FindSetting(entry.key);
      if (setting == nullptr) return UnknownKey(entry.key, origin);
      TRY(Set(*setting, entry.value, origin));
    }
    return {};
  }

  Result<> SetFromEnvironment(const Environment& environment) {
    for (const Setting& setting : Settings()) {
      const std::string name = setting.environment_variable();
      if (const std::optional<std::string> value = environment(name)) TRY(Set(setting, *value, name));
    }
    return {};
  }

  Result<> SetFromFlags(const ConfigSources& sources) {
    for (const auto& [key, values] : sources.flags) {
      const Setting* setting = FindSetting(key);
      CHECK(setting != nullptr && !values.empty());
      const bool list = setting->kind == Setting::Kind::kList;
      TRY(Set(*setting, list ? SettingValue(SplitEach(values)) : SettingValue(values.back()),
              setting->flag()));
    }
    return {};
  }

  /// Refuses the value a setting has now.
  std::unexpected<Error> Refuse(std::string_view key, std::string_view value) const {
    return NotAllowed(*FindSetting(key), origin(key), value);
  }
  std::string_view origin(std::string_view key) const { return loaded_.origins.find(key)->second; }
  Config& config() { return loaded_.config; }
  LoadedConfig Take() { return std::move(loaded_); }

 private:
  static std::unexpected<Error> UnknownKey(const std::string& key, const std::string& origin) {
    const Setting* nearest = NearestSetting(key);
    const std::string hint = nearest == nullptr ? "" : fmt::format("; did you mean {}?", nearest->key);
    return Fail(ErrorCode::kConfiguration, fmt::format("{}: unknown key {}{}", origin, key, hint));
  }

  // --listen a,b --listen c is three values.
  static std::vector<std::string> SplitEach(const std::vector<std::string>& values) {
    std::vector<std::string> items;
    for (std::string_view rest : values) {
      for (std::size_t comma = 0; comma != rest.npos;
           rest.remove_prefix(comma == rest.npos ? 0 : comma + 1)) {
        comma = rest.find(',');
        items.emplace_back(rest.substr(0, comma));
      }
    }
    return items;
  }

  LoadedConfig loaded_;
};

// Labels of letters, digits and inner hyphens, joined by dots.
bool IsDomainName(std::string_view text) {
  if (text.empty() || text.size() > 253) return false;
  while (true) {
    const std::string_view label = text.substr(0, text.find('.'));
    const bool characters = std::ranges::all_of(
        label, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
    if (label.empty() || label.size() > 63 || !characters || label.front() == '-' || label.back() == '-')
      return false;
    if (label.size() == text.size()) return true;
    text.remove_prefix(label.size() + 1);
  }
}

Result<> CheckNames(Builder& builder) {
  const Config& config = builder.config();
  if (!config.domain.empty() && !IsDomainName(config.domain)) return builder.Refuse("domain", config.domain);
  for (const std::string& name : config.tls_names)
    if (!IsDomainName(name) && !IsNumericAddress(name)) return builder.Refuse("tls_names", name);
  if (!config.regions.empty() && std::ranges::find(config.regions, config.region) == config.regions.end())
    return Fail(ErrorCode::kConfiguration,
                fmt::format("{}: region {} is not one of the regions that {} allows",
                            builder.origin("region"), config.region.str(), builder.origin("regions")));
  return {};
}

Result<> CheckTls(Builder& builder) {
  const Config& config = builder.config();
  if (config.tls_cert.empty() != config.tls_key.empty()) {
    const bool cert = !config.tls_cert.empty();
    return Fail(ErrorCode::kConfiguration,
                fmt::format("{} needs {} too", builder.origin(cert ? "tls_cert" : "tls_key"),
                            cert ? "--tls-key" : "--tls-cert"));
  }
  if (config.tls == TlsMode::kAuto && !config.tls_cert.empty())
    return Fail(ErrorCode::kConfiguration,
                fmt::format("{} and {} exclude each other: --tls auto makes its own certificate",
                            builder.origin("tls"), builder.origin("tls_cert")));
  return {};
}

Result<> CheckListeners(Builder& builder) {
  const Config& config = builder.config();
  if (config.listen.empty()) return builder.Refuse("listen", "");
  for (const HostPort& address : config.listen) {
    if (std::ranges::count(config.listen, address) > 1 && address.port != 0)
      return Fail(ErrorCode::kConfiguration,
                  fmt::format("{}: {} is given twice", builder.origin("listen"), address.ToString()));
    if (!address.loopback() && !config.uses_tls() && !config.insecure_http)
      return Fail(
          ErrorCode::kConfiguration,
          fmt::format(
              "{}: {} can be reached from other machines, and passwords would cross the network in plain "
              "HTTP; use --tls auto, or --tls-cert with --tls-key, or --insecure-http behind a proxy "
              "that speaks TLS",
              builder.origin("listen"), address.ToString()));
  }
  return {};
}

Result<> CheckOthers(Builder& builder) {
  Config& config = builder.config();
  const std::string& database = config.database;
  const bool known = database.starts_with("sqlite:") || database.starts_with("postgresql://");
  // Only the scheme is repeated: the rest may hold a password.
  if (!database.empty() && !known) return builder.Refuse("database", database.substr(0, database.find(':')));
  const int status = config.compat_json_auth_status;
  if (status != 400 && status != 403)
    return builder.Refuse("compat.json_auth_status", std::to_string(status));
  if (config.create_on_push && config.compat_ecr_quirks)
    return Fail(ErrorCode::kConfiguration,
                fmt::format("{} and {} exclude each other: ECR refuses a push without a template",
                            builder.origin("create_on_push"), builder.origin("compat.ecr_quirks")));
  return {};
}

// A name or password in a URL would be printed with it; the secret file is for secrets.
Result<> CheckEvents(Builder& builder) {
  const std::string& url = builder.config().events_webhook_url;
  if (url.empty()) {
    if (builder.config().events_webhook_secret_file.empty()) return {};
    return Fail(ErrorCode::kConfiguration,
                fmt::format("{}: events.webhook_secret_file is given without events.webhook_url",
                            builder.origin("events.webhook_secret_file")));
  }
  const std::size_t scheme = url.find("://");
  const std::string_view rest = std::string_view(url).substr(std::min(url.size(), scheme + 3));
  const std::string_view host = rest.substr(0, rest.find_first_of("/?#"));
  const bool plain = url.find_first_of(" \t\r\n\"<>") == url.npos && !host.empty() && !host.contains('@');
  if (!plain || (!url.starts_with("http://") && !url.starts_with("https://")))
    return builder.Refuse("events.webhook_url", scheme == url.npos ? "" : url.substr(0, scheme));
  return {};
}

Result<> PlaceDataDirectory(Builder& builder, const Environment& environment) {
  Config& config = builder.config();
  if (config.ephemeral) {
    if (builder.origin("data_dir").starts_with("--"))
      return Fail(ErrorCode::kConfiguration,
                  "--ephemeral makes a temporary data directory of its own: leave --data-dir out");
    config.data_dir.clear();
    return {};
  }
  if (config.data_dir.empty()) config.data_dir = DefaultDataDirectory(environment, ::geteuid() == 0);
  if (config.data_dir.empty())
    return Fail(ErrorCode::kConfiguration, "there is no home directory to keep data in: give --data-dir");
  std::error_code unused;
  if (const auto absolute = std::filesystem::absolute(config.data_dir, unused); !unused)
    config.data_dir = absolute;
  return {};
}

}  // namespace

Environment ProcessEnvironment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
}

std::filesystem::path DefaultDataDirectory(const Environment& environment, bool root) {
  if (root) return "/var/lib/entrepot";
  const auto xdg = environment("XDG_DATA_HOME");
  if (xdg && xdg->starts_with('/')) return std::filesystem::path(*xdg) / "entrepot";
  const auto home = environment("HOME");
  if (home && home->starts_with('/')) return std::filesystem::path(*home) / ".local/share/entrepot";
  return {};
}

Result<LoadedConfig> LoadConfig(const ConfigSources& sources) {
  Builder builder;
  TRY(builder.SetDefaults());
  if (sources.file) TRY(builder.SetFromFile(*sources.file));
  TRY(builder.SetFromEnvironment(sources.environment));
  TRY(builder.SetFromFlags(sources));
  TRY(CheckNames(builder));
  TRY(CheckTls(builder));
  TRY(CheckListeners(builder));
  TRY(CheckOthers(builder));
  TRY(CheckEvents(builder));
  TRY(PlaceDataDirectory(builder, sources.environment));
  return builder.Take();
}

std::string PrintConfig(const LoadedConfig& loaded) {
  std::string out;
  std::string_view table;
  for (const Setting& setting : Settings()) {
    const std::size_t dot = setting.key.find('.');
    const std::string_view own_table =
        dot == setting.key.npos ? std::string_view() : setting.key.substr(0, dot);
    if (own_table != table) out += fmt::format("\n[{}]\n", table = own_table);
    const std::string_view name = dot == setting.key.npos ? setting.key : setting.key.substr(dot + 1);
    out += fmt::format("{} = {}  # {}\n", name, setting.print(loaded.config),
                       loaded.origins.find(setting.key)->second);
  }
  return out;
}

}  // namespace entrepot::server
