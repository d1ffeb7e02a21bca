#pragma once

// What one run of the load generator does, as its command line says it.

#include <cstdint>
#include <string>
#include <vector>

namespace entrepot::bench {

enum class Mode {
  kGet,         // GET --path over and over
  kHead,        // HEAD --path over and over
  kPost,        // POST --body to --path over and over (the JSON API)
  kReplay,      // the requests of --script, in their order
  kPush,        // POST, then PUT of the whole body
  kPushSingle,  // POST ?digest= with the whole body
  kPushChunks,  // POST, PATCH of --chunk bytes each, PUT
  kManifest,    // PUT of --body, made unique, under a new tag each time
  kIdle,        // what an idle connection costs the server
  kStart,       // from spawning a command to its first 200
};

struct Options {
  Mode mode = Mode::kGet;
  std::string mode_name;
  std::string host = "127.0.0.1";  // numeric IPv4
  std::uint16_t port = 5000;
  int connections = 1;
  double seconds = 0;          // how long to issue requests; 0 = until `requests`
  std::uint64_t requests = 0;  // over all connections; 0 = until `seconds`
  std::string path = "/";
  std::string repository = "bench";
  std::uint64_t size = 1024;          // bytes of a pushed blob
  std::uint64_t chunk = 1024 * 1024;  // bytes of a PATCH
  std::vector<std::string> headers;   // "Name: value"
  std::string body_file;
  std::string script_file;
  int server_pid = 0;                // whose CPU and memory are reported; 0 = nobody's
  std::vector<std::string> command;  // for kStart

  std::string body;          // the content of body_file
  std::string header_block;  // Host and `headers`, each line ended, without the empty line

  bool is_push() const {
    return mode == Mode::kPush || mode == Mode::kPushSingle || mode == Mode::kPushChunks;
  }
};

/// Reads the command line; on a bad one (or --help) prints what is wrong and ends the process, as CLI11 does.
Options ParseOptions(int argc, char** argv);

}  // namespace entrepot::bench
