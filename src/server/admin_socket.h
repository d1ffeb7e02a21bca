#pragma once

// How commands reach a running server: a Unix socket in its data directory, for the server's own user and
// root only (design-storage 1.6). One request and one answer a connection, each a line of JSON:
//   {"command":"credentials reset","arguments":{…}}
//   {"result":{…}}  or  {"error":"Configuration","detail":"…"}

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <thread>

#include <boost/json/object.hpp>

#include "base/fd.h"
#include "base/result.h"

namespace entrepot::server {

/// Runs on the socket's thread, one command at a time.
using AdminCommand = std::function<Result<boost::json::object>(const boost::json::object& arguments)>;
using AdminCommands = std::map<std::string, AdminCommand, std::less<>>;

class AdminSocket {
 public:
  /// Replaces a socket that an ended server left behind: the caller holds the data directory's lock.
  static Result<std::unique_ptr<AdminSocket>> Start(const std::filesystem::path& socket,
                                                    AdminCommands commands);
  AdminSocket(const AdminSocket&) = delete;
  /// Lets the command in progress end, and removes the socket.
  ~AdminSocket();

 private:
  AdminSocket(std::filesystem::path socket, AdminCommands commands, UniqueFd listener, UniqueFd stop);
  void Run();
  void Answer(const UniqueFd& connection) const;
  std::string Perform(std::string_view request) const;

  const std::filesystem::path socket_;
  const AdminCommands commands_;
  const UniqueFd listener_;
  const UniqueFd stop_;  // an eventfd
  std::thread thread_;
};

/// Asks a running server. An error is the command's own, or kUnavailable when no server answers.
Result<boost::json::object> AskServer(const std::filesystem::path& socket, std::string_view command,
                                      const boost::json::object& arguments = {});

}  // namespace entrepot::server
