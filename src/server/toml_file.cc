#include "server/toml_file.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <toml++/toml.h>

namespace entrepot::server {
namespace {

std::optional<SettingValue> ToValue(const toml::node& node) {
  if (const auto truth = node.as_boolean()) return truth->get();
  if (const auto number = node.as_integer()) return number->get();
  if (const auto text = node.as_string()) return text->get();
  const toml::array* array = node.as_array();
  if (array == nullptr) return std::nullopt;
  std::vector<std::string> items;
  for (const toml::node& item : *array) {
    if (!item.is_string()) return std::nullopt;
    items.push_back(item.as_string()->get());
  }
  return items;
}

Result<> Flatten(const toml::table& table, const std::string& prefix, const std::filesystem::path& file,
                 std::vector<TomlEntry>& out) {
  for (const auto& [name, node] : table) {
    std::string key = prefix + std::string(name.str());
    const int line = static_cast<int>(node.source().begin.line);
    if (const toml::table* inner = node.as_table()) {
      TRY(Flatten(*inner, key + ".", file, out));
    } else if (std::optional<SettingValue> value = ToValue(node)) {
      out.push_back({std::move(key), *std::move(value), line});
    } else {
      return Fail(ErrorCode::kConfiguration,
                  fmt::format("{}:{}: {} must be text, a number, true, false or a list of text",
                              file.string(), line, key));
    }
  }
  return {};
}

Result<std::string> ReadText(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  if (!stream || !(text << stream.rdbuf()))
    return Fail(ErrorCode::kConfiguration,
                fmt::format("cannot read the configuration file {}", file.string()));
  return std::move(text).str();
}

Result<toml::table> ParseToml(const std::string& text, const std::filesystem::path& file) {
  try {
    return toml::parse(text, file.string());
  } catch (const toml::parse_error& error) {
    return Fail(ErrorCode::kConfiguration,
                fmt::format("{}:{}: {}", file.string(), error.source().begin.line, error.description()));
  }
}

}  // namespace

Result<std::vector<TomlEntry>> ReadTomlFile(const std::filesystem::path& file) {
  const std::string text = TRY(ReadText(file));
  const toml::table table = TRY(ParseToml(text, file));
  std::vector<TomlEntry> entries;
  TRY(Flatten(table, "", file, entries));
  std::ranges::sort(entries, {}, &TomlEntry::line);
  return entries;
}

}  // namespace entrepot::server
