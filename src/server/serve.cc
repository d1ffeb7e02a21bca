#include "server/serve.h"

#include <iostream>
#include <malloc.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/administrator.h"
#include "base/log.h"
#include "server/admin_socket.h"
#include "server/credentials_file.h"
#include "server/first_start.h"
#include "server/reset_credentials.h"
#include "server/rotate_root_command.h"
#include "server/storage_commands.h"
#include "server/wiring.h"

namespace entrepot::server {
namespace {

// SIGINT, SIGTERM and SIGHUP, taken by Wait; every thread started later inherits the mask.
class Signals {
 public:
  Signals() {
    ::sigemptyset(&set_);
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::sigaddset(&set_, signal);
    ::pthread_sigmask(SIG_BLOCK, &set_, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
  }
  int Wait() const {
    int signal = 0;
    while (::sigwait(&set_, &signal) != 0) {
    }
    return signal;
  }

 private:
  sigset_t set_;
};

// What a thread keeps of its heap, from the start: as much as the C library would come to by itself, once it
// has seen bodies as large as a layer part. A page of images is an answer of some hundred KiB, made of more:
// given back to the system after each, every page of memory would be cleared and faulted in anew for the
// next.
constexpr int kKeptHeapBytes = 32 << 20;

// Connections and open layers need descriptors.
void PrepareProcess() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
  ::umask(077);  // the data directory is nobody else's, nor is a file in it
  ::mallopt(M_TRIM_THRESHOLD, kKeptHeapBytes);
  ::mallopt(M_MMAP_THRESHOLD, kKeptHeapBytes);
}

// A store that may have lost a write ends the process at once: recovery is a new start (design-storage 1.10).
void EndForRecovery() {
  log::Error(
      "the database failed in a way whose outcome is unknown; ending so that the next start can recover");
  ::_exit(70);
}

Result<bool> EnsureAdministrator(const Config& config, const DataLayout& layout, Foundation& foundation) {
  const std::optional<access::AccessKey> given = TRY(GivenAdministratorKey(ProcessEnvironment()));
  const std::optional<access::AccessKey> made =
      TRY(access::EnsureAdministrator(*foundation.store, foundation.secrets(), config.account_id, given));
  if (made) TRY(WriteCredentials(layout, *made));
  return made.has_value();
}

AdminCommands Commands(const Config& config, const DataLayout& layout, Foundation& foundation,
                       Registry& registry) {
  AdminCommands commands = StorageCommands(registry.storage(), [&registry] { return registry.FlushPulls(); });
  commands[std::string(kResetCredentialsCommand)] = [&](const boost::json::object&) {
    return ResetCredentials(layout, [&] {
      return access::ResetAdministratorKey(*foundation.store, foundation.secrets(), config.account_id);
    });
  };
  commands[std::string(kRotateRootCommand)] = [&](const boost::json::object&) {
    return RotateRoot(layout, foundation);
  };
  return commands;
}

}  // namespace

Result<int> Serve(const Config& config) {
  const Signals signals;
  log::Configure(config.log_level, config.log_format);
  PrepareProcess();
  const DataDirectory directory = TRY(DataDirectory::Open(config));
  const DataLayout& layout = directory.layout();
  const std::unique_ptr<Foundation> foundation = TRY(Foundation::Open(config, layout, EndForRecovery));
  const bool first_start = TRY(EnsureAdministrator(config, layout, *foundation));
  const std::unique_ptr<Registry> registry = TRY(Registry::Start(config, layout, *foundation));

  Greeting greeting{.tls = config.uses_tls(),
                    .first_start = first_start,
                    .data_dir = layout.root(),
                    .credentials = layout.credentials()};
  for (const http::ListenAddress& address : registry->addresses())
    greeting.listening.push_back({address.host, address.port});
  greeting.client = ClientSettingsOf(config, layout, greeting.listening.front());
  TRY(WriteClientSettings(layout, greeting.client));
  const auto admin =
      TRY(AdminSocket::Start(layout.admin_socket(), Commands(config, layout, *foundation, *registry)));
  std::cout << GreetingText(greeting) << std::flush;

  int signal = signals.Wait();
  for (; signal == SIGHUP; signal = signals.Wait()) registry->ReloadCertificate();
  log::Info("stopping", {{"signal", signal == SIGINT ? "SIGINT" : "SIGTERM"}});
  registry->Stop();
  log::Info("stopped");
  return 0;
}

Result<access::AccessKey> ResetAdministratorKey(const Config& config, const DataDirectory& directory) {
  const std::unique_ptr<Foundation> foundation =
      TRY(Foundation::Open(config, directory.layout(), EndForRecovery));
  return access::ResetAdministratorKey(*foundation->store, foundation->secrets(), config.account_id);
}

}  // namespace entrepot::server
