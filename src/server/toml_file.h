#pragma once

// A TOML file as a flat list of settings, in the file's order. The adapter round toml++.

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "server/settings.h"

namespace entrepot::server {

struct TomlEntry {
  std::string key;  // tables joined by '.'
  SettingValue value;
  int line = 0;
};

/// kConfiguration when the file cannot be read, is no TOML, or holds a value of a type that no setting has.
Result<std::vector<TomlEntry>> ReadTomlFile(const std::filesystem::path& file);

}  // namespace entrepot::server
