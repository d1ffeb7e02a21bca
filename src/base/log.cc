#include "base/log.h"

#include <memory>
#include <unistd.h>

#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "base/clock.h"

namespace entrepot::log {
namespace {

struct Settings {
  Level least = Level::kInfo;
  bool json = ::isatty(STDERR_FILENO) == 0;
};
Settings settings;

spdlog::logger& Logger() {
  static const std::shared_ptr<spdlog::logger> logger = [] {
    auto made =
        std::make_shared<spdlog::logger>("entrepot", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_pattern("%v");
    made->set_level(spdlog::level::trace);
    return made;
  }();
  return *logger;
}

constexpr std::string_view kNames[] = {"debug", "info", "warning", "error"};

void AppendEscaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      out.append(1, '\\').append(1, c);
    else if (byte < 0x20 || byte == 0x7f)
      out += fmt::format("\\u{:04x}", byte);
    else
      out += c;
  }
}

bool NeedsQuotes(std::string_view text) {
  for (const char c : text)
    if (c == ' ' || c == '"' || c == '\\' || c == '=' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      return true;
  return text.empty();
}

std::string JsonLine(Level level, std::string_view message, Fields fields) {
  std::string line = fmt::format(R"({{"time":"{}","level":"{}","message":")", ToIso8601(SystemClock().Now()),
                                 kNames[static_cast<int>(level)]);
  AppendEscaped(line, message);
  line += '"';
  for (const Field& field : fields) {
    line.append(",\"").append(field.name).append("\":");
    if (field.quoted) line += '"';
    AppendEscaped(line, field.value);
    if (field.quoted) line += '"';
  }
  return line += '}';
}

std::string TextLine(Level level, std::string_view message, Fields fields) {
  std::string line =
      fmt::format("{} {:<7} ", ToIso8601(SystemClock().Now()), kNames[static_cast<int>(level)]);
  AppendEscaped(line, message);
  for (const Field& field : fields) {
    line.append("  ").append(field.name).append("=");
    const bool quotes = field.quoted && NeedsQuotes(field.value);
    if (quotes) line += '"';
    AppendEscaped(line, field.value);
    if (quotes) line += '"';
  }
  return line;
}

}  // namespace

void Configure(Level least, Format format) {
  settings.least = least;
  settings.json = format == Format::kJson || (format == Format::kAuto && ::isatty(STDERR_FILENO) == 0);
}

bool ParseLevel(std::string_view text, Level& level) {
  for (int i = 0; i < 4; ++i)
    if (text == kNames[i]) return level = static_cast<Level>(i), true;
  return false;
}

void Write(Level level, std::string_view message, Fields fields) {
  if (level < settings.least) return;
  const std::string line =
      settings.json ? JsonLine(level, message, fields) : TextLine(level, message, fields);
  Logger().log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
}

}  // namespace entrepot::log
