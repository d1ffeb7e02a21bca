#include "server/credentials_file.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "server/small_files.h"

namespace entrepot::server {
namespace {

using Entries = std::map<std::string, std::string, std::less<>>;

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r'))
    text.remove_suffix(1);
  return text;
}

// `name = value` lines of the [default] profile, as AWS's tools read them.
Entries ParseDefaultProfile(std::string_view text) {
  Entries entries;
  bool in_default = false;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = Trim(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::size_t equals = line.find('=');
    if (line.starts_with('['))
      in_default = line == "[default]";
    else if (in_default && equals != line.npos && !line.starts_with('#'))
      entries[std::string(Trim(line.substr(0, equals)))] = Trim(line.substr(equals + 1));
  }
  return entries;
}

Result<Entries> ReadDefaultProfile(const DataLayout& layout, const std::filesystem::path& file) {
  std::error_code error;
  if (!std::filesystem::exists(file, error) && !error)
    return Fail(
        ErrorCode::kConfiguration,
        fmt::format(
            "no server was ever started with the data directory {}: run `entrepot serve`, or name the "
            "right directory with --data-dir",
            layout.root().string()));
  Result<std::string> text = ReadSmallFile(file);
  if (!text) return Fail(ErrorCode::kConfiguration, std::string(text.error().fact("detail")));
  return ParseDefaultProfile(*text);
}

Result<std::string> Required(const Entries& entries, std::string_view name,
                             const std::filesystem::path& file) {
  const auto found = entries.find(name);
  if (found == entries.end() || found->second.empty())
    return Fail(ErrorCode::kConfiguration, fmt::format("{} has no {} in [default]", file.string(), name));
  return found->second;
}

// AWS's model of an access key id: 16 to 128 letters, digits and '_'.
bool IsAccessKeyId(std::string_view text) {
  return text.size() >= 16 && text.size() <= 128 && std::ranges::all_of(text, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
         });
}

bool IsSecret(std::string_view text) {
  return text.size() >= 16 && text.size() <= 128 &&
         std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7f; });
}

}  // namespace

ClientSettings ClientSettingsOf(const Config& config, const DataLayout& layout, const HostPort& first) {
  return {.region = config.region.str(),
          .endpoint_url =
              fmt::format("{}://{}", config.uses_tls() ? "https" : "http", first.Reachable().ToString()),
          .ca_bundle = config.tls == TlsMode::kAuto ? layout.tls_authority().string() : ""};
}

Result<> WriteCredentials(const DataLayout& layout, const access::AccessKey& key) {
  return WriteFileAtomically(
      layout.credentials(),
      fmt::format("[default]\naws_access_key_id = {}\naws_secret_access_key = {}\n", key.id, key.secret),
      0600);
}

Result<> WriteClientSettings(const DataLayout& layout, const ClientSettings& settings) {
  std::string text =
      fmt::format("[default]\nregion = {}\nendpoint_url = {}\n", settings.region, settings.endpoint_url);
  if (!settings.ca_bundle.empty()) text += fmt::format("ca_bundle = {}\n", settings.ca_bundle);
  return WriteFileAtomically(layout.aws_config(), text, 0600);
}

Result<access::AccessKey> ReadCredentials(const DataLayout& layout) {
  const std::filesystem::path file = layout.credentials();
  const Entries entries = TRY(ReadDefaultProfile(layout, file));
  return access::AccessKey{.id = TRY(Required(entries, "aws_access_key_id", file)),
                           .secret = TRY(Required(entries, "aws_secret_access_key", file))};
}

Result<ClientSettings> ReadClientSettings(const DataLayout& layout) {
  const std::filesystem::path file = layout.aws_config();
  const Entries entries = TRY(ReadDefaultProfile(layout, file));
  const auto ca_bundle = entries.find("ca_bundle");
  return ClientSettings{.region = TRY(Required(entries, "region", file)),
                        .endpoint_url = TRY(Required(entries, "endpoint_url", file)),
                        .ca_bundle = ca_bundle == entries.end() ? "" : ca_bundle->second};
}

Result<std::optional<access::AccessKey>> GivenAdministratorKey(const Environment& environment) {
  constexpr const char* kId = "ENTREPOT_ADMIN_ACCESS_KEY_ID";
  constexpr const char* kSecret = "ENTREPOT_ADMIN_SECRET_ACCESS_KEY";
  const std::optional<std::string> id = environment(kId), secret = environment(kSecret);
  if (!id && !secret) return std::nullopt;
  if (!id || !secret)
    return Fail(ErrorCode::kConfiguration,
                fmt::format("{} needs {} too", id ? kId : kSecret, id ? kSecret : kId));
  if (!IsAccessKeyId(*id))
    return Fail(ErrorCode::kConfiguration,
                fmt::format("{}: \"{}\" is not allowed: expected 16 to 128 letters, digits and _", kId, *id));
  if (!IsSecret(*secret))
    return Fail(ErrorCode::kConfiguration,
                fmt::format("{} is not allowed: expected 16 to 128 printable ASCII characters without blanks",
                            kSecret));
  return access::AccessKey{.id = *id, .secret = *secret};
}

std::string ShellQuote(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'')
      out += R"('\'')";
    else
      out += c;
  }
  return out += "'";
}

std::string ShellEnvironment(const access::AccessKey& key, const ClientSettings& settings) {
  std::string out;
  const auto add = [&out](std::string_view name, std::string_view value) {
    out += fmt::format("export {}={}\n", name, ShellQuote(value));
  };
  add("AWS_ENDPOINT_URL", settings.endpoint_url);
  add("AWS_REGION", settings.region);
  add("AWS_DEFAULT_REGION", settings.region);
  add("AWS_ACCESS_KEY_ID", key.id);
  add("AWS_SECRET_ACCESS_KEY", key.secret);
  if (!settings.ca_bundle.empty()) add("AWS_CA_BUNDLE", settings.ca_bundle);
  return out + "unset AWS_SESSION_TOKEN AWS_PROFILE\n";
}

}  // namespace entrepot::server
