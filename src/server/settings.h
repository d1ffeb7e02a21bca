#pragma once

// The table of settings: what configuration, command line, completion and documentation are all made from.

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "server/config.h"

namespace entrepot::server {

/// A value as a source gives it: TOML has types, flags and variables have text.
using SettingValue = std::variant<bool, std::int64_t, std::string, std::vector<std::string>>;

struct Setting {
  enum class Kind { kSwitch, kNumber, kText, kList };

  std::string_view key;       // as in TOML, tables joined by '.'
  std::string_view fallback;  // the default as text; lists joined by ','
  std::string_view allowed;   // completes "…: expected <allowed>"
  std::string_view doc;
  std::int64_t least, most;  // bounds of numbers

  Kind kind;
  /// Stores a value; false when it is not allowed, or of another type.
  bool (*assign)(const Setting& setting, const SettingValue& value, Config& config);
  /// The value in TOML's syntax.
  std::string (*print)(const Config& config);

  std::string flag() const;                  // --log-level
  std::string environment_variable() const;  // ENTREPOT_LOG_LEVEL
};

std::span<const Setting> Settings();
const Setting* FindSetting(std::string_view key);
/// The setting whose key is most like `key`, or nullptr when none is close.
const Setting* NearestSetting(std::string_view key);

}  // namespace entrepot::server
