#include "cli/findings.h"

#include <arpa/inet.h>
#include <cerrno>
#include <ctime>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#include <fmt/format.h>

#include "base/fd.h"
#include "cli/readiness.h"
#include "server/small_files.h"

namespace entrepot::cli {
namespace {

using State = Finding::State;

bool Exists(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

// The first of `programs` that $PATH leads to, or "".
std::string FindProgram(const server::Environment& environment, std::initializer_list<const char*> programs) {
  const std::string path = environment("PATH").value_or("");
  for (const char* program : programs) {
    for (std::string_view rest = path; !rest.empty();) {
      const std::string_view directory = rest.substr(0, rest.find(':'));
      rest.remove_prefix(std::min(directory.size() + 1, rest.size()));
      const std::filesystem::path file = std::filesystem::path(directory) / program;
      if (::access(file.c_str(), X_OK) == 0) return program;
    }
  }
  return "";
}

// Whether something already accepts connections there.
bool SomeoneListens(const server::HostPort& where) {
  const server::HostPort address = where.Reachable();
  sockaddr_storage storage{};
  auto* four = reinterpret_cast<sockaddr_in*>(&storage);
  auto* six = reinterpret_cast<sockaddr_in6*>(&storage);
  if (::inet_pton(AF_INET, address.host.c_str(), &four->sin_addr) == 1) {
    four->sin_family = AF_INET;
    four->sin_port = htons(address.port);
  } else {
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(address.port);
    ::inet_pton(AF_INET6, address.host.c_str(), &six->sin6_addr);
  }
  const UniqueFd fd(::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval patience{.tv_sec = 2, .tv_usec = 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  return ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&storage), sizeof storage) == 0;
}

struct Endpoint {
  bool tls;
  std::string authority;  // host:port, as image names begin
  bool loopback;
};

Endpoint EndpointOf(const server::ClientSettings& settings) {
  const std::string& url = settings.endpoint_url;
  const std::size_t scheme = url.find("://");
  const std::string authority = scheme == url.npos ? url : url.substr(scheme + 3);
  const std::optional<server::HostPort> address = server::HostPort::Parse(authority);
  return {url.starts_with("https"), authority, address && address->loopback()};
}

std::string CopyAuthority(const server::ClientSettings& settings, const std::string& directory) {
  return fmt::format("mkdir -p {} && cp {} {}/", directory, settings.ca_bundle, directory);
}

}  // namespace

Finding CheckDataDirectory(const server::DataLayout& layout) {
  constexpr std::string_view kCheck = "data directory";
  const std::string path = layout.root().string();
  struct stat status{};
  if (::stat(layout.root().c_str(), &status) != 0)
    return {kCheck, State::kProblem, server::SystemFailure("cannot look at", layout.root(), errno),
            "start a server: entrepot serve; or name the right directory with --data-dir"};
  if (!S_ISDIR(status.st_mode)) return {kCheck, State::kProblem, path + " is no directory", "move it away"};
  if (!Exists(layout.lock()))
    return {kCheck, State::kProblem, "no server was ever started on " + path, "start one: entrepot serve"};
  if (status.st_uid != ::geteuid() && ::geteuid() != 0)
    return {kCheck, State::kProblem, fmt::format("{} belongs to user {}", path, status.st_uid),
            "use entrepot as its owner"};
  if (::access(layout.root().c_str(), W_OK | X_OK) != 0)
    return {kCheck, State::kProblem, server::SystemFailure("cannot write to", layout.root(), errno),
            "chmod 700 " + path};
  if ((status.st_mode & 077) != 0)
    return {kCheck, State::kWarning,
            fmt::format("other users may enter {} (mode {:o})", path, status.st_mode & 0777),
            "chmod 700 " + path};
  return {kCheck, State::kGood, path, ""};
}

Finding CheckFreeSpace(const server::DataLayout& layout) {
  constexpr std::string_view kCheck = "free space";
  struct statvfs status{};
  if (::statvfs(layout.root().c_str(), &status) != 0)
    return {kCheck, State::kProblem, server::SystemFailure("cannot look at", layout.root(), errno), ""};
  const std::uint64_t mebibytes = status.f_bavail * status.f_frsize >> 20;
  const std::string seen = fmt::format("{} MiB and {} files to go", mebibytes, status.f_favail);
  const bool counts_files = status.f_files > 0;
  if (mebibytes < 100 || (counts_files && status.f_favail < 1000))
    return {kCheck, State::kProblem, seen, "make room on the file system of " + layout.root().string()};
  if (mebibytes < 2048 || (counts_files && status.f_favail < 100'000))
    return {kCheck, State::kWarning, seen, "make room soon on the file system of " + layout.root().string()};
  return {kCheck, State::kGood, seen, ""};
}

Finding CheckServer(const server::Config& config, const server::DataLayout& layout) {
  constexpr std::string_view kCheck = "server";
  const std::optional<pid_t> holder = server::LockHolder(layout);
  if (!holder) {
    for (const server::HostPort& address : config.listen)
      if (address.port != 0 && SomeoneListens(address))
        return {kCheck, State::kProblem,
                fmt::format("no server runs here, and another program listens on {}", address.ToString()),
                "stop that program, or give another address with --listen"};
    return {kCheck, State::kProblem, "no server runs on this data directory", "start it: entrepot serve"};
  }
  const Result<server::ClientSettings> settings = server::ReadClientSettings(layout);
  if (!settings)
    return {kCheck, State::kProblem, std::string(settings.error().fact("detail")), "start the server again"};
  const Readiness readiness = AskReadiness(*settings);
  const std::string seen = fmt::format("process {}; {}", *holder, readiness.detail);
  if (!readiness.ready) return {kCheck, State::kProblem, seen, "read the server's log"};
  return {kCheck, State::kGood, seen, ""};
}

Finding CheckCredentials(const server::DataLayout& layout) {
  constexpr std::string_view kCheck = "credentials";
  const Result<access::AccessKey> key = server::ReadCredentials(layout);
  if (!key)
    return {kCheck, State::kProblem, std::string(key.error().fact("detail")), "entrepot credentials reset"};
  struct stat status{};
  if (::stat(layout.credentials().c_str(), &status) == 0 && (status.st_mode & 077) != 0)
    return {kCheck, State::kProblem, layout.credentials().string() + " can be read by other users",
            fmt::format("chmod 600 {}; entrepot credentials reset", layout.credentials().string())};
  return {kCheck, State::kGood, fmt::format("{} (key {})", layout.credentials().string(), key->id), ""};
}

Finding CheckRegionAndAccount(const server::Config& config, const server::DataLayout& layout) {
  constexpr std::string_view kCheck = "region and account";
  const std::string seen = fmt::format("region {}, account {}", config.region.str(), config.account_id.str());
  const Result<server::ClientSettings> settings = server::ReadClientSettings(layout);
  if (settings && settings->region != config.region.str())
    return {kCheck, State::kWarning,
            fmt::format("the running server was started with region {}, here it would be {}",
                        settings->region, config.region.str()),
            "start the server again, or give doctor the server's --config"};
  return {kCheck, State::kGood, seen, ""};
}

Finding CheckClock(const server::DataLayout& layout) {
  constexpr std::string_view kCheck = "clock";
  constexpr std::time_t kSkew = 300;  // what signatures allow
  const std::time_t now = std::time(nullptr);
  struct stat status{};
  if (::stat(layout.credentials().c_str(), &status) == 0 && status.st_mtime > now + kSkew)
    return {kCheck, State::kProblem, "the clock is behind the time at which the credentials were written",
            "set the clock (timedatectl set-ntp true): signatures are good for five minutes"};
  timex state{};
  if (::adjtimex(&state) == TIME_ERROR)
    return {kCheck, State::kWarning, "the clock is not synchronised",
            "run a time service (timedatectl set-ntp true): signatures from other machines are good for five "
            "minutes"};
  return {kCheck, State::kGood, "synchronised", ""};
}

Finding CheckShell(const server::Environment& environment, const server::DataLayout& layout) {
  constexpr std::string_view kCheck = "this shell";
  for (const char* name : {"AWS_PROFILE", "AWS_SESSION_TOKEN"})
    if (environment(name))
      return {kCheck, State::kWarning,
              fmt::format("{} is set, and overrides or spoils the registry's credentials", name),
              "eval \"$(entrepot env)\""};
  const Result<server::ClientSettings> settings = server::ReadClientSettings(layout);
  const std::optional<std::string> endpoint = environment("AWS_ENDPOINT_URL");
  if (settings && endpoint && *endpoint != settings->endpoint_url)
    return {kCheck, State::kWarning,
            fmt::format("AWS_ENDPOINT_URL is {}, the server is at {}", *endpoint, settings->endpoint_url),
            "eval \"$(entrepot env)\""};
  return {kCheck, State::kGood,
          endpoint ? "AWS tools reach this registry" : "AWS tools: eval \"$(entrepot env)\"", ""};
}

Finding CheckDocker(const server::Environment& environment, const server::ClientSettings& settings) {
  constexpr std::string_view kCheck = "docker";
  if (FindProgram(environment, {"docker"}).empty()) return {kCheck, State::kGood, "not installed", ""};
  const Endpoint endpoint = EndpointOf(settings);
  // dockerd takes 127.0.0.0/8 without TLS, and skips verification there.
  if (endpoint.loopback)
    return {kCheck, State::kGood, endpoint.authority + " needs nothing: it is a loopback address", ""};
  if (!endpoint.tls)
    return {kCheck, State::kWarning, "docker refuses plain HTTP beyond loopback",
            fmt::format("add \"insecure-registries\": [\"{}\"] to /etc/docker/daemon.json, or use --tls auto",
                        endpoint.authority)};
  const std::string directory = "/etc/docker/certs.d/" + endpoint.authority;
  if (!settings.ca_bundle.empty() && !Exists(directory + "/ca.crt"))
    return {kCheck, State::kWarning, "docker does not trust the registry's own authority",
            CopyAuthority(settings, directory)};
  return {kCheck, State::kGood, "trusts " + endpoint.authority, ""};
}

Finding CheckPodman(const server::Environment& environment, const server::ClientSettings& settings) {
  constexpr std::string_view kCheck = "podman, buildah, skopeo";
  if (FindProgram(environment, {"podman", "buildah", "skopeo"}).empty())
    return {kCheck, State::kGood, "not installed", ""};
  const Endpoint endpoint = EndpointOf(settings);
  if (!endpoint.tls)
    return {kCheck, State::kGood,
            "plain HTTP: give them --tls-verify=false (--dest-tls-verify=false to skopeo copy)", ""};
  const std::string directory = "/etc/containers/certs.d/" + endpoint.authority;
  if (!settings.ca_bundle.empty() && !Exists(directory + "/ca.crt"))
    return {kCheck, State::kWarning, "they do not trust the registry's own authority",
            CopyAuthority(settings, directory) + "; or give them --cert-dir"};
  return {kCheck, State::kGood, "trust " + endpoint.authority, ""};
}

std::vector<Finding> Examine(const server::Config& config, const server::Environment& environment) {
  const server::DataLayout layout(config.data_dir);
  std::vector<Finding> findings{CheckDataDirectory(layout)};
  if (findings[0].state == Finding::State::kProblem) return findings;  // the others would only repeat it
  findings.push_back(CheckFreeSpace(layout));
  findings.push_back(CheckServer(config, layout));
  findings.push_back(CheckCredentials(layout));
  findings.push_back(CheckRegionAndAccount(config, layout));
  findings.push_back(CheckClock(layout));
  findings.push_back(CheckShell(environment, layout));
  if (const Result<server::ClientSettings> settings = server::ReadClientSettings(layout)) {
    findings.push_back(CheckDocker(environment, *settings));
    findings.push_back(CheckPodman(environment, *settings));
  }
  return findings;
}

}  // namespace entrepot::cli
