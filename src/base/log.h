#pragma once

// The process's log: a fixed lower-case message and fields, one line each, to standard error. As text when
// standard error is a terminal, as JSON lines otherwise. Secrets are never fields; control characters are
// escaped.
//
// Lines are written by the calling thread; the event loops log only connection faults, at debug level.

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace entrepot::log {

enum class Level { kDebug, kInfo, kWarning, kError };
enum class Format { kAuto, kText, kJson };

struct Field {
  Field(std::string_view field_name, std::string_view text) : name(field_name), value(text) {}
  Field(std::string_view field_name, const char* text) : name(field_name), value(text) {}
  Field(std::string_view field_name, const std::string& text) : name(field_name), value(text) {}
  Field(std::string_view field_name, bool truth)
      : name(field_name), value(truth ? "true" : "false"), quoted(false) {}
  template <std::integral T>
  Field(std::string_view field_name, T number)
      : name(field_name), value(std::to_string(number)), quoted(false) {}
  Field(std::string_view field_name, double number)
      : name(field_name), value(std::to_string(number)), quoted(false) {}

  std::string_view name;
  std::string value;
  bool quoted = true;
};
using Fields = std::initializer_list<Field>;

/// Call before threads start. The default is info, auto.
void Configure(Level least, Format format);
/// debug, info, warning or error; false otherwise.
bool ParseLevel(std::string_view text, Level& level);

void Write(Level level, std::string_view message, Fields fields = {});
inline void Debug(std::string_view message, Fields fields = {}) { Write(Level::kDebug, message, fields); }
inline void Info(std::string_view message, Fields fields = {}) { Write(Level::kInfo, message, fields); }
inline void Warning(std::string_view message, Fields fields = {}) { Write(Level::kWarning, message, fields); }
inline void Error(std::string_view message, Fields fields = {}) { Write(Level::kError, message, fields); }

}  // namespace entrepot::log
