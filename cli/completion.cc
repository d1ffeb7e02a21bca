// `entrepot completion bash`: a script made from the tables of commands and settings.

#include <map>
#include <ostream>
#include <set>

#include <fmt/format.h>

#include "cli/commands.h"
#include "server/settings.h"

namespace entrepot::cli {
namespace {

std::string FlagsOf(const Command& command) {
  std::string flags = "--help";
  if (command.takes != Command::Takes::kNothing) flags += " --config";
  if (command.json) flags += " --json";
  if (command.print_config) flags += " --print-config";
  for (const Switch& own : command.switches) flags.append(" --").append(own.name);
  for (const server::Setting& setting : server::Settings())
    if (TakesSetting(command, setting.key)) flags += " " + setting.flag();
  return flags;
}

// What may follow each first word: a second word, or flags.
std::map<std::string, std::string> WordsAfter() {
  std::map<std::string, std::string> after;
  for (const Command& command : Commands()) {
    const std::size_t blank = command.name.find(' ');
    std::string& words = after[std::string(command.name.substr(0, blank))];
    if (blank != command.name.npos) words.append(command.name.substr(blank + 1)).append(" ");
    words += FlagsOf(command);
  }
  return after;
}

}  // namespace

Result<int> BashCompletion(const Invocation&, const Surroundings& surroundings) {
  std::string cases, first_words;
  for (const auto& [word, words] : WordsAfter()) {
    first_words += (first_words.empty() ? "" : " ") + word;
    cases += fmt::format("    {}) words='{}' ;;\n", word, words);
  }
  surroundings.out << fmt::format(R"sh(_entrepot() {{
  local words
  case "${{COMP_WORDS[1]}}" in
{}    *) words='' ;;
  esac
  [ "$COMP_CWORD" -eq 1 ] && words='{} --help --version'
  case "${{COMP_WORDS[COMP_CWORD-1]}}" in
    --config|--data-dir|--tls-cert|--tls-key) COMPREPLY=($(compgen -f -- "${{COMP_WORDS[COMP_CWORD]}}")) ;;
    *) COMPREPLY=($(compgen -W "$words" -- "${{COMP_WORDS[COMP_CWORD]}}")) ;;
  esac
}}
complete -o filenames -F _entrepot entrepot
)sh",
                                  cases, first_words);
  return kSucceeded;
}

}  // namespace entrepot::cli
