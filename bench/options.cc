#include "bench/options.h"

#include <fstream>
#include <iterator>
#include <map>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace entrepot::bench {
namespace {

const std::map<std::string, Mode> kModes = {
    {"get", Mode::kGet},
    {"head", Mode::kHead},
    {"post", Mode::kPost},
    {"replay", Mode::kReplay},
    {"push", Mode::kPush},
    {"push-single", Mode::kPushSingle},
    {"push-chunks", Mode::kPushChunks},
    {"manifest", Mode::kManifest},
    {"idle", Mode::kIdle},
    {"start", Mode::kStart},
};

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

Options ParseOptions(int argc, char** argv) {
  Options options;
  CLI::App app("Loads one HTTP server and prints one line of JSON about the run.");
  app.add_option("mode", options.mode_name, "what to do")->required()->check(CLI::IsMember(kModes));
  app.add_option("--host", options.host, "numeric IPv4 address")->check(CLI::ValidIPV4);
  app.add_option("--port", options.port);
  app.add_option("--connections", options.connections)->check(CLI::Range(1, 100'000));
  app.add_option("--seconds", options.seconds, "issue requests for this long")->check(CLI::NonNegativeNumber);
  app.add_option("--requests", options.requests, "issue this many requests in all");
  app.add_option("--path", options.path, "for get, head, post, idle and start");
  app.add_option("--repository", options.repository, "for push*, manifest");
  app.add_option("--size", options.size, "bytes of a pushed blob")->check(CLI::Range(64ull, 1ull << 40));
  app.add_option("--chunk", options.chunk, "bytes of a PATCH")->check(CLI::Range(1ull, 1ull << 40));
  app.add_option("--header", options.headers, "\"Name: value\", any number of times")->take_all();
  app.add_option("--body", options.body_file, "file: for post as it is, for manifest with @unique@ filled in")
      ->check(CLI::ExistingFile);
  app.add_option("--script", options.script_file,
                 "for replay: of every request a line `DUE LENGTH`, then its bytes")
      ->check(CLI::ExistingFile);
  app.add_option("--server-pid", options.server_pid, "report this process's CPU and memory");
  app.add_option("command", options.command, "for start, after --: the program and its arguments");
  try {
    app.parse(argc, argv);
    options.mode = kModes.at(options.mode_name);
    const bool counts = options.mode != Mode::kIdle && options.mode != Mode::kStart;
    if (counts && options.seconds == 0 && options.requests == 0)
      throw CLI::ValidationError("--seconds or --requests", "one of them is needed");
    if (options.mode == Mode::kStart && options.command.empty())
      throw CLI::ValidationError("command", "start needs one, after --");
    if (options.mode == Mode::kManifest && options.body_file.empty())
      throw CLI::ValidationError("--body", "manifest needs one");
    if (options.mode == Mode::kReplay && options.script_file.empty())
      throw CLI::ValidationError("--script", "replay needs one");
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error));
  }
  if (!options.body_file.empty()) options.body = ReadFile(options.body_file);
  options.header_block = fmt::format("Host: {}:{}\r\n", options.host, options.port);
  for (const std::string& header : options.headers) options.header_block += header + "\r\n";
  return options;
}

}  // namespace entrepot::bench
