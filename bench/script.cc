#include "bench/script.h"

#include <fstream>

#include <fmt/format.h>

namespace entrepot::bench {

Result<std::vector<ScriptedRequest>> ReadScript(const std::string& file) {
  std::ifstream input(file, std::ios::binary);
  std::vector<ScriptedRequest> script;
  double due = 0;
  std::size_t length = 0;
  while (input >> due >> length && input.get() == '\n') {
    std::string& text = script.emplace_back(due, std::string(length, '\0')).text;
    if (!input.read(text.data(), static_cast<std::streamsize>(length)))
      return Fail(Error(ErrorCode::kUnavailable, fmt::format("{} ends within a request", file)));
  }
  if (script.empty() || !input.eof())
    return Fail(Error(ErrorCode::kUnavailable, fmt::format("{} is no script", file)));
  return script;
}

}  // namespace entrepot::bench
