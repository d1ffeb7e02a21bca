#include "server/admin_socket.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <optional>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "base/check.h"
#include "base/json.h"
#include "base/log.h"
#include "server/small_files.h"

namespace entrepot::server {
namespace {

constexpr std::size_t kLongestLine = 1 << 20;
constexpr timeval kPatience{.tv_sec = 10, .tv_usec = 0};  // for a request to arrive, an answer to leave
constexpr timeval kLongestCommand{.tv_sec = 600, .tv_usec = 0};  // what a client waits for

// A socket's address holds 107 characters, a path more: the directory is named by descriptor.
class SocketAddress {
 public:
  static Result<SocketAddress> Of(const std::filesystem::path& socket) {
    UniqueFd directory(::open(socket.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!directory.valid())
      return Fail(ErrorCode::kUnavailable, SystemFailure("cannot open", socket.parent_path(), errno));
    return SocketAddress(std::move(directory), socket.filename().string());
  }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address_); }
  socklen_t size() const { return sizeof address_; }

 private:
  SocketAddress(UniqueFd directory, const std::string& name) : directory_(std::move(directory)) {
    const std::string path = fmt::format("/proc/self/fd/{}/{}", directory_.get(), name);
    address_.sun_family = AF_UNIX;
    CHECK(path.size() < sizeof address_.sun_path);
    std::memcpy(address_.sun_path, path.c_str(), path.size() + 1);
  }
  UniqueFd directory_;
  sockaddr_un address_{};
};

UniqueFd NewSocket() { return UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)); }

void SetPatience(int fd, timeval receive) {
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &receive, sizeof receive);
  ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
}

bool MayAsk(int fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return false;
  return peer.uid == ::geteuid() || peer.uid == 0;
}

// Up to and without the line's end; nothing when it does not come in time or is too long.
std::optional<std::string> ReadLine(int fd) {
  std::string line;
  char buffer[4096];
  while (line.size() < kLongestLine) {
    const ssize_t got = ::recv(fd, buffer, sizeof buffer, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return std::nullopt;
    line.append(buffer, static_cast<std::size_t>(got));
    if (const std::size_t end = line.find('\n'); end != line.npos) return line.substr(0, end);
  }
  return std::nullopt;
}

bool WriteLine(int fd, std::string line) {
  line += '\n';
  for (std::string_view rest = line; !rest.empty();) {
    const ssize_t sent = ::send(fd, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return false;
    rest.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

Result<boost::json::object> Refused(std::string detail) {
  return Fail(ErrorCode::kMalformedRequest, std::move(detail));
}

std::string Encode(const Result<boost::json::object>& outcome) {
  if (outcome) return boost::json::serialize(boost::json::object{{"result", *outcome}});
  return boost::json::serialize(boost::json::object{{"error", ToString(outcome.error().code())},
                                                    {"detail", outcome.error().fact("detail")}});
}

ErrorCode CodeNamed(std::string_view name) {
  for (int i = 0; i < kErrorCodeCount; ++i)
    if (ToString(static_cast<ErrorCode>(i)) == name) return static_cast<ErrorCode>(i);
  return ErrorCode::kInternal;
}

Result<UniqueFd> Listen(const std::filesystem::path& socket) {
  const SocketAddress address = TRY(SocketAddress::Of(socket));
  ::unlink(socket.c_str());
  UniqueFd fd = NewSocket();
  // Whoever comes between bind and chmod is stopped by MayAsk.
  if (!fd.valid() || ::bind(fd.get(), address.get(), address.size()) != 0 ||
      ::chmod(socket.c_str(), 0600) != 0 || ::listen(fd.get(), 8) != 0)
    return Fail(ErrorCode::kConfiguration, SystemFailure("cannot listen on", socket, errno));
  return fd;
}

}  // namespace

Result<std::unique_ptr<AdminSocket>> AdminSocket::Start(const std::filesystem::path& socket,
                                                        AdminCommands commands) {
  UniqueFd listener = TRY(Listen(socket));
  UniqueFd stop(::eventfd(0, EFD_CLOEXEC));
  CHECK(stop.valid());
  return std::unique_ptr<AdminSocket>(
      new AdminSocket(socket, std::move(commands), std::move(listener), std::move(stop)));
}

AdminSocket::AdminSocket(std::filesystem::path socket, AdminCommands commands, UniqueFd listener,
                         UniqueFd stop)
    : socket_(std::move(socket)),
      commands_(std::move(commands)),
      listener_(std::move(listener)),
      stop_(std::move(stop)),
      thread_([this] { Run(); }) {}

AdminSocket::~AdminSocket() {
  CHECK(::eventfd_write(stop_.get(), 1) == 0);
  thread_.join();
  ::unlink(socket_.c_str());
}

void AdminSocket::Run() {
  while (true) {
    pollfd waits[] = {{stop_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}};
    if (::poll(waits, 2, -1) < 0) continue;
    if (waits[0].revents != 0) return;
    const UniqueFd connection(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (connection.valid()) Answer(connection);
  }
}

void AdminSocket::Answer(const UniqueFd& connection) const {
  if (!MayAsk(connection.get())) return log::Warning("refused another user at the admin socket");
  SetPatience(connection.get(), kPatience);
  if (const std::optional<std::string> request = ReadLine(connection.get()))
    if (!WriteLine(connection.get(), Perform(*request)))
      log::Warning("nobody took the answer of the admin socket");
}

std::string AdminSocket::Perform(std::string_view request) const {
  const Result<boost::json::value> parsed = ParseJson(request, DuplicateKeys::kRefused);
  if (!parsed) return Encode(Fail(parsed.error()));
  const std::string_view name = StringMember(*parsed, "command");
  const boost::json::value* arguments = FindMember(*parsed, "arguments");
  const auto command = commands_.find(name);
  if (command == commands_.end())
    return Encode(Refused(fmt::format("this server knows no command \"{}\"", name)));
  if (arguments == nullptr || !arguments->is_object()) return Encode(Refused("arguments is no object"));
  log::Info("admin command", {{"command", name}});
  return Encode(command->second(arguments->get_object()));
}

Result<boost::json::object> AskServer(const std::filesystem::path& socket, std::string_view command,
                                      const boost::json::object& arguments) {
  const SocketAddress address = TRY(SocketAddress::Of(socket));
  const UniqueFd fd = NewSocket();
  if (!fd.valid() || ::connect(fd.get(), address.get(), address.size()) != 0)
    return Fail(ErrorCode::kUnavailable, SystemFailure("no server answers at", socket, errno));
  SetPatience(fd.get(), kLongestCommand);
  const boost::json::object request{{"command", command}, {"arguments", arguments}};
  if (!WriteLine(fd.get(), boost::json::serialize(request)))
    return Fail(ErrorCode::kUnavailable, SystemFailure("the server took no request at", socket, errno));
  const std::optional<std::string> line = ReadLine(fd.get());
  if (!line)
    return Fail(ErrorCode::kUnavailable, fmt::format("the server gave no answer at {}", socket.string()));
  const boost::json::value answer = TRY(ParseJson(*line));
  const boost::json::value* result = FindMember(answer, "result");
  if (result != nullptr && result->is_object()) return result->get_object();
  return Fail(CodeNamed(StringMember(answer, "error")), std::string(StringMember(answer, "detail")));
}

}  // namespace entrepot::server
