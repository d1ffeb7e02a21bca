// The HTTP server alone, as a bound for everything above it: a small answer from memory, files by their path,
// and uploads that are dropped. `http_bench_server PORT LOOPS DIRECTORY [CERTIFICATE KEY]`; ends on SIGTERM.

#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <signal.h>
#include <string>
#include <sys/stat.h>

#include "base/pool.h"
#include "http/server.h"

namespace {

using namespace entrepot;
using namespace entrepot::http;

class DroppingSink final : public BodySink {
 public:
  void Append(Block) override {}
  bool failed() const noexcept override { return false; }
  Response Finish() override { return TextResponse(201, "text/plain", "dropped"); }
  void Abort() override {}
};

class BenchHandler final : public Handler {
 public:
  explicit BenchHandler(std::string directory) : directory_(std::move(directory)) {}

  bool TryAnswer(const RequestHead& head, Response& response) override {
    if (head.path != "/memory") return false;
    response.fields = "Content-Type: application/octet-stream\r\n";
    response.body = text_;
    return true;
  }
  BodyPlan PlanBody(const RequestHead&) override { return {0, true}; }
  Reply Handle(const RequestHead& head, std::string, bool body_pending) override {
    if (body_pending) return std::make_unique<DroppingSink>();
    auto file = std::make_shared<UniqueFd>(
        ::open((directory_ + std::string(head.path)).c_str(), O_RDONLY | O_CLOEXEC));
    struct stat status{};
    if (!file->valid() || ::fstat(file->get(), &status) != 0)
      return TextResponse(404, "text/plain", "no such file");
    Response response;
    response.body = FileRange{std::move(file), 0, static_cast<std::uint64_t>(status.st_size)};
    return response;
  }
  Response Refuse(const RequestHead&, Refusal) override { return TextResponse(503, "text/plain", "busy"); }

 private:
  const std::string directory_;
  const SharedText text_ = std::make_shared<const std::string>(1024, 'x');
};

}  // namespace

int main(int count, char** arguments) {
  if (count != 4 && count != 6) {
    std::fputs("usage: http_bench_server PORT LOOPS DIRECTORY [CERTIFICATE KEY]\n", stderr);
    return 2;
  }
  sigset_t stop;
  ::sigemptyset(&stop);
  ::sigaddset(&stop, SIGTERM);
  ::sigaddset(&stop, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &stop, nullptr);

  BenchHandler handler(arguments[3]);
  ThreadPool workers("workers", 2, 1024), bodies("bodies", 2, 1024);
  ServerOptions options;
  options.listen = {{"127.0.0.1", static_cast<std::uint16_t>(std::atoi(arguments[1])), nullptr}};
  if (count == 6) {
    auto tls = TlsContext::Load(arguments[4], arguments[5]);
    if (!tls) return std::fprintf(stderr, "%s\n", tls.error().ToString().c_str()), 1;
    options.listen.front().tls = *tls;
  }
  options.loops = std::atoi(arguments[2]);
  options.workers = &workers;
  options.body_pool = &bodies;
  options.handler = &handler;
  const auto server = Server::Start(options);
  if (!server) return std::fprintf(stderr, "%s\n", server.error().ToString().c_str()), 1;
  int signal = 0;
  ::sigwait(&stop, &signal);
  (*server)->Stop(std::chrono::seconds(5));
  return 0;
}
