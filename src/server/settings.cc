#include "server/settings.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <concepts>

#include <fmt/format.h>

#include "server/nearest_word.h"

namespace entrepot::server {
namespace {

using Kind = Setting::Kind;

// ---- one Decode and Encode per C++ type a setting may have

std::string Quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      out += fmt::format("\\u{:04X}", static_cast<unsigned char>(c));
    else
      out += c;
  }
  return out += '"';
}

template <class T>
struct Named {
  std::string_view name;
  T value;
};
template <class T>
constexpr std::array<Named<T>, 0> kNames{};
template <>
constexpr std::array<Named<TlsMode>, 2> kNames<TlsMode>{{{"off", TlsMode::kOff}, {"auto", TlsMode::kAuto}}};
template <>
constexpr std::array<Named<StorageEncryption>, 2> kNames<StorageEncryption>{
    {{"service-key", StorageEncryption::kServiceKey}, {"disk", StorageEncryption::kDisk}}};
template <>
constexpr std::array<Named<log::Level>, 4> kNames<log::Level>{{{"debug", log::Level::kDebug},
                                                               {"info", log::Level::kInfo},
                                                               {"warning", log::Level::kWarning},
                                                               {"error", log::Level::kError}}};
template <>
constexpr std::array<Named<log::Format>, 3> kNames<log::Format>{
    {{"auto", log::Format::kAuto}, {"text", log::Format::kText}, {"json", log::Format::kJson}}};

template <class T>
  requires std::is_enum_v<T>
bool Decode(const std::string& text, T& out) {
  for (const Named<T>& named : kNames<T>)
    if (named.name == text) return out = named.value, true;
  return false;
}
template <class T>
  requires std::is_enum_v<T>
std::string Encode(const T& value) {
  return Quoted(std::ranges::find(kNames<T>, value, &Named<T>::value)->name);
}

bool Decode(const std::string& text, std::string& out) { return out = text, true; }
std::string Encode(const std::string& text) { return Quoted(text); }

bool Decode(const std::string& text, std::filesystem::path& out) { return out = text, true; }
std::string Encode(const std::filesystem::path& path) { return Quoted(path.string()); }

template <class Tag>
bool Decode(const std::string& text, Name<Tag>& out) {
  Result<Name<Tag>> name = Name<Tag>::Parse(text);
  if (!name) return false;
  return out = *std::move(name), true;
}
template <class Tag>
std::string Encode(const Name<Tag>& name) {
  return Quoted(name.str());
}

bool Decode(const std::string& text, AddressRange& out) {
  const std::optional<AddressRange> parsed = AddressRange::Parse(text);
  if (parsed) out = *parsed;
  return parsed.has_value();
}
std::string Encode(const AddressRange& range) { return Quoted(range.ToString()); }

bool Decode(const std::string& text, HostPort& out) {
  const std::optional<HostPort> parsed = HostPort::Parse(text);
  if (parsed) out = *parsed;
  return parsed.has_value();
}
std::string Encode(const HostPort& address) { return Quoted(address.ToString()); }

template <class T>
bool Decode(const std::string& text, std::optional<T>& out) {
  if (text.empty()) return out.reset(), true;
  return Decode(text, out.emplace(T{}));
}
template <class T>
std::string Encode(const std::optional<T>& value) {
  return value ? Encode(*value) : Quoted("");
}

// ---- from a source's value to a member of Config

template <class T>
constexpr Kind kKindOf = Kind::kText;
template <>
constexpr Kind kKindOf<bool> = Kind::kSwitch;
template <std::integral T>
  requires(!std::same_as<T, bool>)
constexpr Kind kKindOf<T> = Kind::kNumber;
template <>
constexpr Kind kKindOf<std::chrono::seconds> = Kind::kNumber;
template <class T>
constexpr Kind kKindOf<std::vector<T>> = Kind::kList;

bool AssignSwitch(const SettingValue& value, bool& out) {
  if (const bool* truth = std::get_if<bool>(&value)) return out = *truth, true;
  const std::string* text = std::get_if<std::string>(&value);
  if (text == nullptr) return false;
  out = *text == "true" || *text == "1";
  return out || *text == "false" || *text == "0";
}

// A count, or bytes with a binary unit: 256MiB.
std::optional<std::int64_t> ParseNumber(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  const std::string_view unit(end, text.data() + text.size() - end);
  constexpr std::array<std::string_view, 4> kUnits{"", "KiB", "MiB", "GiB"};
  const auto found = std::ranges::find(kUnits, unit);
  if (found == kUnits.end()) return std::nullopt;
  const int shift = static_cast<int>(found - kUnits.begin()) * 10;
  if (number > (std::numeric_limits<std::int64_t>::max() >> shift)) return std::nullopt;
  return number << shift;
}

// Seconds, or a span with a unit: 24h.
std::optional<std::int64_t> ParseSeconds(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  const std::string_view unit(end, text.data() + text.size() - end);
  constexpr std::array<std::pair<std::string_view, std::int64_t>, 5> kUnits{
      {{"", 1}, {"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86'400}}};
  const auto found = std::ranges::find(kUnits, unit, &std::pair<std::string_view, std::int64_t>::first);
  if (found == kUnits.end() || number > std::numeric_limits<std::int32_t>::max()) return std::nullopt;
  return number * found->second;
}

template <class T>
bool AssignNumber(const Setting& setting, const SettingValue& value, T& out) {
  std::optional<std::int64_t> number;
  if (const std::int64_t* given = std::get_if<std::int64_t>(&value))
    number = *given;
  else if (const std::string* text = std::get_if<std::string>(&value))
    number = std::same_as<T, std::chrono::seconds> ? ParseSeconds(*text) : ParseNumber(*text);
  if (!number || *number < setting.least || *number > setting.most) return false;
  out = static_cast<T>(*number);
  return true;
}

std::vector<std::string> SplitList(std::string_view text) {
  std::vector<std::string> items;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    items.emplace_back(text.substr(0, comma));
    text.remove_prefix(comma == text.npos ? text.size() : comma + 1);
  }
  return items;
}

template <class T>
bool AssignList(const SettingValue& value, std::vector<T>& out) {
  out.clear();
  std::vector<std::string> items;
  if (const auto* list = std::get_if<std::vector<std::string>>(&value))
    items = *list;
  else if (const auto* text = std::get_if<std::string>(&value))
    items = SplitList(*text);
  else
    return false;
  for (const std::string& item : items) {
    T decoded = [] {
      if constexpr (std::is_default_constructible_v<T>)
        return T{};
      else
        return T::Trusted("");
    }();
    if (!Decode(item, decoded)) return false;
    out.push_back(std::move(decoded));
  }
  return true;
}

template <class T>
bool AssignTo(const Setting& setting, const SettingValue& value, T& out) {
  if constexpr (kKindOf<T> == Kind::kSwitch) {
    return AssignSwitch(value, out);
  } else if constexpr (kKindOf<T> == Kind::kNumber) {
    return AssignNumber(setting, value, out);
  } else if constexpr (kKindOf<T> == Kind::kList) {
    return AssignList(value, out);
  } else {
    const std::string* text = std::get_if<std::string>(&value);
    return text != nullptr && Decode(*text, out);
  }
}

template <class T>
std::string PrintValue(const T& value) {
  if constexpr (std::same_as<T, bool>) {
    return value ? "true" : "false";
  } else if constexpr (std::same_as<T, std::chrono::seconds>) {
    return std::to_string(value.count());
  } else if constexpr (kKindOf<T> == Kind::kNumber) {
    return std::to_string(value);
  } else if constexpr (kKindOf<T> == Kind::kList) {
    std::string out = "[";
    for (const auto& item : value) out.append(out.size() > 1 ? ", " : "").append(Encode(item));
    return out += "]";
  } else {
    return Encode(value);
  }
}

constexpr std::int64_t kNoBound = std::numeric_limits<std::int64_t>::max();

template <auto Member>
constexpr Setting Row(std::string_view key, std::string_view fallback, std::string_view allowed,
                      std::string_view doc, std::int64_t least = 0, std::int64_t most = kNoBound) {
  using T = std::remove_cvref_t<decltype(std::declval<Config&>().*Member)>;
  return {.key = key,
          .fallback = fallback,
          .allowed = allowed,
          .doc = doc,
          .least = least,
          .most = most,
          .kind = kKindOf<T>,
          .assign = [](const Setting& setting, const SettingValue& value,
                       Config& config) { return AssignTo(setting, value, config.*Member); },
          .print = [](const Config& config) { return PrintValue(config.*Member); }};
}

constexpr std::string_view kAddresses =
    "addresses as host:port with a numeric host, such as 127.0.0.1:5000, [::1]:5000 or 0.0.0.0:5000";

constexpr std::string_view kQuota = "a number, or 0";

// Keys at the top come before tables, as TOML wants them.
constexpr Setting kSettings[] = {
    Row<&Config::data_dir>(
        "data_dir", "", "a directory",
        "where everything is kept; /var/lib/entrepot for root, ~/.local/share/entrepot for others"),
    Row<&Config::ephemeral>("ephemeral", "false", "true or false",
                            "use a temporary data directory that goes when the server ends"),
    Row<&Config::listen>("listen", "127.0.0.1:5000", kAddresses, "addresses to listen on"),
    Row<&Config::insecure_http>("insecure_http", "false", "true or false",
                                "allow plain HTTP on addresses that other machines can reach"),
    Row<&Config::trusted_proxies>(
        "trusted_proxies", "", "a list of addresses and ranges, such as 10.0.0.0/8 or ::1",
        "proxies whose Forwarded and X-Forwarded-For, -Proto and -Host are believed"),
    Row<&Config::tls>("tls", "off", "off or auto",
                      "auto: make an own CA and certificate in the data directory"),
    Row<&Config::tls_names>("tls_names", "", "a list of host names and addresses",
                            "further names and addresses for the certificate that --tls auto makes"),
    Row<&Config::tls_cert>("tls_cert", "", "a PEM file",
                           "certificate chain to serve; read again when it changes"),
    Row<&Config::tls_key>("tls_key", "", "a PEM file", "private key of tls_cert"),
    Row<&Config::account_id>("account_id", "123456789012", "twelve digits",
                             "the account that first start creates"),
    Row<&Config::region>("region", "us-west-2", "a region name such as us-west-2",
                         "the region that a plain Host and the written aws-config stand for"),
    Row<&Config::regions>("regions", "", "a list of region names",
                          "serve only these regions; empty serves every one"),
    Row<&Config::domain>(
        "domain", "", "a domain name in lower case, such as registry.example",
        "names registries <account>.dkr.ecr.<region>.<domain>; empty names them by the Host used"),
    Row<&Config::database>("database", "", "sqlite:<path> or postgresql://…",
                           "the database; empty keeps an SQLite file in the data directory"),
    Row<&Config::create_on_push>("create_on_push", "false", "true or false",
                                 "let a push make the repository that it names, for whoever may create it, "
                                 "where no creation template is for it"),
    Row<&Config::drain_seconds>("drain_seconds", "20", "a number of seconds from 0 to 3600",
                                "how long a stopping server lets requests in progress end", 0, 3600),
    Row<&Config::storage_encryption>("storage.encryption", "service-key", "service-key or disk",
                                     "disk: the disk below is encrypted, store layers as they are"),
    Row<&Config::storage_archive_dir>(
        "storage.archive_dir", "", "a directory in one that exists",
        "where layers of archived images go; empty keeps them in the data directory"),
    Row<&Config::storage_free_watermark>(
        "storage.free_watermark", "5", "a percentage from 0 to 50",
        "free space below which the disk counts as nearly full: layers without an image are then held for "
        "an hour",
        0, 50),
    Row<&Config::storage_reserve>(
        "storage.reserve", "32MiB", "bytes from 0 to 1GiB, such as 32MiB",
        "space that nothing but deletes and collection may use once the disk is full", 0, 1 << 30),
    Row<&Config::collection_grace>(
        "collection.grace", "24h", "a time from 1s to 365d, such as 24h",
        "how long layers without an image are held; below 1h, pushes in progress can lose them", 1,
        365 * 86'400),
    Row<&Config::collection_interval>("collection.interval", "5s", "a time from 1s to 1d, such as 5s",
                                      "how often collection looks for what is due", 1, 86'400),
    Row<&Config::events_file>("events.file", "", "a file",
                              "append what happens to images as lines of JSON, in EventBridge's form"),
    Row<&Config::events_file_bytes>("events.file_bytes", "64MiB", "bytes from 4KiB up, such as 64MiB",
                                    "set the events file aside once it would be larger", 4 << 10),
    Row<&Config::events_file_keep>("events.file_keep", "5", "a number from 0 to 1000",
                                   "events files kept aside; older ones are removed", 0, 1000),
    Row<&Config::events_pulls>("events.pulls", "false", "true or false",
                               "tell of every pull too, which ECR does not"),
    Row<&Config::events_webhook_url>("events.webhook_url", "", "a URL with http:// or https://",
                                     "POST what happens to images to this URL, in EventBridge's form"),
    Row<&Config::events_webhook_secret_file>("events.webhook_secret_file", "", "a file",
                                             "sign what is posted with the secret in this file"),
    Row<&Config::events_webhook_timeout>("events.webhook_timeout", "10s", "a time from 1s to 60s",
                                         "how long the webhook may take to answer", 1, 60),
    Row<&Config::events_give_up>("events.give_up", "24h", "a time from 1s to 30d, such as 24h",
                                 "how long an event that fails is tried before it is set aside", 1,
                                 30 * 86'400),
    Row<&Config::log_level>("log.level", "info", "debug, info, warning or error", "the least level to log"),
    Row<&Config::log_format>("log.format", "auto", "auto, text or json",
                             "auto: text on a terminal, else JSON lines"),
    Row<&Config::limits_connections>("limits.connections", "20000", "a number from 1 to 1000000",
                                     "open connections; more wait to be accepted", 1, 1'000'000),
    Row<&Config::limits_body_memory>("limits.body_memory", "256MiB", "bytes from 16MiB up, such as 256MiB",
                                     "memory for request bodies, over all connections", 16 << 20),
    Row<&Config::quotas_repositories>("quotas.repositories", "0", kQuota,
                                      "repositories in a registry; 0: none, or 100000 with ecr_quirks"),
    Row<&Config::quotas_images>("quotas.images", "0", kQuota,
                                "images in a repository; 0: none, or 100000 with ecr_quirks"),
    Row<&Config::quotas_tags>("quotas.tags", "0", kQuota,
                              "tags on an image; 0: none, or 1000 with ecr_quirks"),
    Row<&Config::quotas_pull_time_exclusions>(
        "quotas.pull_time_exclusions", "0", kQuota,
        "principals of RegisterPullTimeUpdateExclusion; 0: none, or 100 with ecr_quirks"),
    Row<&Config::compat_ecr_quirks>(
        "compat.ecr_quirks", "false", "true or false",
        "behave as ECR where it is stricter than, or breaks, the OCI specification"),
    Row<&Config::compat_json_auth_status>("compat.json_auth_status", "400", "400 or 403",
                                          "HTTP status of authentication errors in JSON services"),
    Row<&Config::metrics_listen>("metrics.listen", "", "an address as host:port with a numeric host",
                                 "serve /metrics without credentials on this address"),
    Row<&Config::metrics_repositories>(
        "metrics.repositories", "100", "a number from 0 to 100000",
        "repositories that /metrics tells apart; the others are counted as one", 0, 100'000),
};

std::string Respelled(std::string_view prefix, std::string_view key, char separator, bool upper) {
  std::string out(prefix);
  for (const char c : key) {
    if (c == '.' || c == '_')
      out += separator;
    else
      out += upper ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return out;
}

}  // namespace

std::string Setting::flag() const { return Respelled("--", key, '-', false); }
std::string Setting::environment_variable() const { return Respelled("ENTREPOT_", key, '_', true); }

std::span<const Setting> Settings() { return kSettings; }

const Setting* FindSetting(std::string_view key) {
  const auto found = std::ranges::find(kSettings, key, &Setting::key);
  return found == std::end(kSettings) ? nullptr : found;
}

const Setting* NearestSetting(std::string_view key) {
  std::vector<std::string_view> keys;
  for (const Setting& setting : kSettings) keys.push_back(setting.key);
  return FindSetting(NearestWord(key, keys));
}

}  // namespace entrepot::server
