#include "cli/command_line.h"

#include <algorithm>
#include <ostream>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "server/nearest_word.h"
#include "server/settings.h"

namespace entrepot::cli {
namespace {

using server::Setting;

constexpr const char* kFooter =
    "\nExit status: 0 done, 1 failed, 2 wrong usage, 3 the configuration or the machine needs mending.\n"
    "Every setting of `serve` can also be given as ENTREPOT_<SETTING> or in the TOML file of --config.";

std::string FirstWord(std::string_view name) { return std::string(name.substr(0, name.find(' '))); }

/// One parse of one command line: CLI11 stays in here.
class Parser {
 public:
  explicit Parser(const Surroundings& surroundings) : surroundings_(surroundings) {
    app_.require_subcommand(1);
    app_.footer(kFooter);
    app_.set_version_flag("--version", "entrepot " ENTREPOT_VERSION);
    for (const Command& command : Commands()) Add(command);
    invocation_.sources.environment = surroundings.environment;
  }

  /// The exit status where there is nothing to run: help was printed, or the usage is wrong.
  std::optional<int> Parse(std::vector<std::string> arguments) {
    if (const std::optional<std::string> wrong = UnknownCommand(arguments)) return Usage(*wrong);
    std::ranges::reverse(arguments);  // as CLI11 takes them
    try {
      app_.parse(std::move(arguments));
    } catch (const CLI::ParseError& error) {
      if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success))
        return app_.exit(error, surroundings_.out, surroundings_.error), kSucceeded;
      return Usage(error.what());
    }
    for (Entry& entry : entries_)
      if (entry.app->parsed()) return Take(entry);
    return Usage("a command is missing");
  }

  Result<int> Run() const { return command_->run(invocation_, surroundings_); }

 private:
  struct Entry {
    const Command* command;
    CLI::App* app;
    std::vector<std::pair<const Setting*, CLI::Option*>> settings;
  };

  void Add(const Command& command) {
    CLI::App* app = &app_;
    for (std::string_view rest = command.name; !rest.empty();) {
      const std::string word = FirstWord(rest);
      rest.remove_prefix(std::min(word.size() + 1, rest.size()));
      CLI::App* inner = FindSubcommand(*app, word);
      app = inner != nullptr ? inner : app->add_subcommand(word, std::string(command.doc));
      if (!rest.empty()) app->require_subcommand(1);
    }
    app->allow_extras();  // to suggest what was meant
    Entry entry{.command = &command, .app = app, .settings = {}};
    for (const Setting& setting : server::Settings())
      if (TakesSetting(command, setting.key)) entry.settings.emplace_back(&setting, AddFlag(*app, setting));
    if (command.takes != Command::Takes::kNothing)
      app->add_option("--config", config_file_, "TOML file with settings [ENTREPOT_CONFIG]");
    if (command.json) app->add_flag("--json", invocation_.json, "print JSON");
    if (command.print_config)
      app->add_flag("--print-config", invocation_.print_config,
                    "print the effective settings as TOML, and end");
    for (const Switch& own : command.switches) AddSwitch(*app, own);
    entries_.push_back(std::move(entry));
  }

  void AddSwitch(CLI::App& app, const Switch& own) {
    const std::string flag = "--" + std::string(own.name), doc(own.doc);
    if (own.takes_value)
      app.add_option_function<std::string>(
          flag, [this, &own](const std::string& value) { invocation_.switches[own.name] = value; }, doc);
    else
      app.add_flag_callback(flag, [this, &own] { invocation_.switches[own.name]; }, doc);
  }

  static CLI::App* FindSubcommand(CLI::App& app, const std::string& name) {
    const auto found = app.get_subcommands([&](const CLI::App* inner) { return inner->get_name() == name; });
    return found.empty() ? nullptr : found[0];
  }

  static CLI::Option* AddFlag(CLI::App& app, const Setting& setting) {
    const std::string fallback =
        setting.fallback.empty() ? "" : fmt::format(" (default {})", setting.fallback);
    const std::string doc = fmt::format("{}{} [{}]", setting.doc, fallback, setting.environment_variable());
    if (setting.kind == Setting::Kind::kSwitch) return app.add_flag(setting.flag(), doc);
    CLI::Option* option = app.add_option(setting.flag(), doc)->expected(1)->allow_extra_args(false);
    return setting.kind == Setting::Kind::kList ? option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
                                                : option;
  }

  std::optional<std::string> UnknownCommand(const std::vector<std::string>& arguments) const {
    if (arguments.empty() || arguments[0].starts_with('-')) return std::nullopt;
    std::vector<std::string> names;
    for (const Command& command : Commands()) names.push_back(FirstWord(command.name));
    if (std::ranges::find(names, arguments[0]) != names.end()) return std::nullopt;
    return "unknown command " + arguments[0] + Suggestion(arguments[0], names);
  }

  static std::string Suggestion(std::string_view typed, const std::vector<std::string>& words) {
    const std::vector<std::string_view> views(words.begin(), words.end());
    const std::string_view nearest = server::NearestWord(typed, views);
    return nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest);
  }

  std::optional<int> Take(Entry& entry) {
    if (const std::vector<std::string> extras = entry.app->remaining(); !extras.empty())
      return Usage(fmt::format("{} does not take {}{}", entry.command->name, extras[0],
                               Suggestion(extras[0].substr(0, extras[0].find('=')), FlagsOf(*entry.app))));
    command_ = entry.command;
    for (const auto& [setting, option] : entry.settings)
      if (option->count() > 0) invocation_.sources.flags[std::string(setting->key)] = option->results();
    if (config_file_.empty()) config_file_ = surroundings_.environment("ENTREPOT_CONFIG").value_or("");
    if (!config_file_.empty()) invocation_.sources.file = config_file_;
    return std::nullopt;
  }

  static std::vector<std::string> FlagsOf(const CLI::App& app) {
    std::vector<std::string> names;
    for (const CLI::Option* option : app.get_options()) names.push_back(option->get_name());
    return names;
  }

  int Usage(std::string_view wrong) const {
    surroundings_.error << fmt::format("entrepot: {}\nSee `entrepot --help`.\n", wrong);
    return kWrongUsage;
  }

  const Surroundings& surroundings_;
  CLI::App app_{"A container registry that speaks Amazon ECR.", "entrepot"};
  std::vector<Entry> entries_;
  std::string config_file_;
  Invocation invocation_;
  const Command* command_ = nullptr;
};

int Report(const Error& error, std::ostream& out) {
  const std::string_view detail = error.fact("detail");
  out << fmt::format("entrepot: {}\n", detail.empty() ? error.ToString() : detail);
  return error.code() == ErrorCode::kConfiguration ? kWrongConfiguration : kFailed;
}

}  // namespace

int Run(const std::vector<std::string>& arguments, const Surroundings& surroundings) {
  Parser parser(surroundings);
  if (const std::optional<int> ended = parser.Parse(arguments)) return *ended;
  const Result<int> outcome = parser.Run();
  return outcome ? *outcome : Report(outcome.error(), surroundings.error);
}

}  // namespace entrepot::cli
