#include "server/wiring.h"

#include "access/administrator.h"
#include "base/log.h"
#include "blobs/file_layer.h"
#include "server/metrics.h"
#include "server/root_rotation.h"
#include "server/tls_auto.h"

namespace entrepot::server {
namespace {

int Processors() { return std::max(1u, std::thread::hardware_concurrency()); }

// Pools of design-storage 3.4.
// A worker of a small push waits for its syncs: sixteen of them let the syncs be shared.
int WorkerThreads() { return std::max(16, 2 * Processors()); }
int BodyThreads() { return std::max(4, 2 * Processors()); }
constexpr std::size_t kWorkerQueue = 2048, kBodyQueue = 4096;
constexpr std::size_t kCacheBytes = 64u << 20;

constexpr std::chrono::seconds kTendUploadsEvery{5}, kReloadTlsEvery{2}, kWatchDiskEvery{1},
    kWatchUsageEvery{15}, kDeliverEvery{1}, kFlushPullTimesEvery{5}, kFlushPullEventsEvery{1},
    kArchiveEvery{1};
constexpr std::chrono::hours kSweepOrphansEvery{24}, kRenewCertificateEvery{24};

std::string DatabaseUrl(const Config& config, const DataLayout& layout) {
  return config.database.empty() ? "sqlite:" + layout.database().string() : config.database;
}

// A quota that was not set is ECR's where its quirks are, else none.
registry::Quotas QuotasOf(const Config& config) {
  const registry::Quotas otherwise = config.compat_ecr_quirks ? registry::kEcrQuotas : registry::Quotas{};
  const auto either = [](std::int64_t set, std::int64_t fallback) { return set != 0 ? set : fallback; };
  return {
      .repositories = either(config.quotas_repositories, otherwise.repositories),
      .images = either(config.quotas_images, otherwise.images),
      .tags = either(config.quotas_tags, otherwise.tags),
      .pull_time_exclusions = either(config.quotas_pull_time_exclusions, otherwise.pull_time_exclusions),
  };
}

// A background step that failed says so and tries again later.
bool Logged(std::string_view what, const Result<bool>& more) {
  if (more) return *more;
  log::Error("background work failed", {{"task", what}, {"error", more.error().ToString()}});
  return false;
}
// The same of a step that does all there is to do.
bool LoggedOnce(std::string_view what, const Result<>& done) {
  return Logged(what, done ? Result<bool>(false) : Fail(done.error()));
}

}  // namespace

Result<std::unique_ptr<Foundation>> Foundation::Open(const Config& config, const DataLayout& layout,
                                                     std::function<void()> on_broken) {
  auto foundation = std::make_unique<Foundation>();
  foundation->files = std::make_unique<blobs::PosixFiles>();
  foundation->store = TRY(metadata::OpenStore({.url = DatabaseUrl(config, layout),
                                               .readers = std::max(4, 2 * Processors()),
                                               .sole = true,
                                               .clock = &foundation->clock,
                                               .on_broken = std::move(on_broken)}));
  foundation->seals = TRY(LoadSeals(*foundation->files, layout.keys().string(), *foundation->store));
  return foundation;
}

access::AccessSecrets Foundation::secrets() const { return {seals->access_keys, seals->token_keys}; }

Registry::Registry(const Config& config, Foundation& foundation)
    : config_(config),
      foundation_(foundation),
      workers_("worker", WorkerThreads(), kWorkerQueue),
      body_pool_("body", BodyThreads(), kBodyQueue),
      traffic_(static_cast<std::size_t>(config.metrics_repositories)) {}

Result<std::unique_ptr<Registry>> Registry::Start(const Config& config, const DataLayout& layout,
                                                  Foundation& foundation) {
  std::unique_ptr<Registry> registry(new Registry(config, foundation));
  TRY(registry->OpenRooms(layout));
  TRY(registry->Listen(layout));
  TRY(registry->ListenForMetrics());
  registry->StartBackground(layout);
  return registry;
}

Registry::~Registry() { Stop(); }

Result<> Registry::OpenRooms(const DataLayout& layout) {
  metadata::Store& store = *foundation_.store;
  storage_ = TRY(Storage::Open(config_, layout, *foundation_.files, store, foundation_.seals->service_keys));
  event_receivers_ = TRY(EventReceivers::Open(config_, store, foundation_.clock));
  access_ =
      TRY(access::MakeAccess(store, foundation_.secrets(), foundation_.clock, {.regions = config_.regions}));
  caches_ = std::make_unique<registry::Caches>(store, kCacheBytes);
  repositories_ =
      std::make_unique<registry::Repositories>(store, storage_->keys, *caches_, QuotasOf(config_));
  policies_ = std::make_unique<registry::Policies>(store);
  account_settings_ =
      std::make_unique<registry::AccountSettings>(store, /*mounting=*/!config_.compat_ecr_quirks);
  pull_time_exclusions_ = std::make_unique<registry::PullTimeExclusions>(store, QuotasOf(config_));
  pulls_ = std::make_unique<registry::Pulls>(store, *pull_time_exclusions_, storage_->outbox,
                                             registry::Pulls::Options{.events = config_.events_pulls});
  creation_templates_ = std::make_unique<registry::CreationTemplates>(
      store, *repositories_,
      config_.create_on_push ? registry::PushWithoutTemplate::kMakesRepository
                             : registry::PushWithoutTemplate::kRefused);
  images_ = std::make_unique<registry::Images>(
      store, *caches_, storage_->grace, storage_->outbox, QuotasOf(config_),
      config_.compat_ecr_quirks ? registry::DescriptorTypes::kWithoutParameters
                                : registry::DescriptorTypes::kAny);
  storage_classes_ = std::make_unique<registry::StorageClasses>(store, storage_->outbox);
  layers_ =
      std::make_unique<registry::Layers>(store, *storage_->blobs, storage_->keys, *caches_, storage_->grace);
  uploads_ = std::make_unique<registry::Uploads>(
      store, *storage_->blobs, storage_->keys, storage_->grace, workers_, body_pool_,
      registry::UploadSettings{.memory = config_.limits_body_memory / 4});

  referrers_ = std::make_unique<registry::Referrers>(store);
  const oci::Rooms rooms{*access_,
                         *repositories_,
                         *images_,
                         *referrers_,
                         *layers_,
                         *uploads_,
                         *account_settings_,
                         *creation_templates_,
                         *pulls_,
                         traffic_,
                         foundation_.clock,
                         config_.domain,
                         config_.compat_ecr_quirks};
  oci_ = std::make_unique<oci::OciDoor>(rooms, &audit_);
  downloads_ = std::make_unique<oci::Downloads>(rooms);
  ecr_ = std::make_unique<ecr::Ecr>(ecr::Ecr{.repositories = *repositories_,
                                             .images = *images_,
                                             .storage_classes = *storage_classes_,
                                             .referrers = *referrers_,
                                             .layers = *layers_,
                                             .uploads = *uploads_,
                                             .policies = *policies_,
                                             .account_settings = *account_settings_,
                                             .pull_time_exclusions = *pull_time_exclusions_,
                                             .pulls = *pulls_,
                                             .traffic = traffic_,
                                             .creation_templates = *creation_templates_,
                                             .access = *access_,
                                             .domain = config_.domain});
  aws_ = std::make_unique<aws::AwsDoor>(
      *access_, foundation_.clock, std::vector{ecr::EcrService(*ecr_), sts::StsService(sts_)},
      aws::DoorOptions{.audit = &audit_,
                       .regions = config_.regions,
                       .json_auth_status = config_.compat_json_auth_status == 403
                                               ? aws::JsonAuthStatus::kDocumented
                                               : aws::JsonAuthStatus::kCaptured});
  pages_ = std::make_unique<StatusPages>(
      *access_, foundation_.clock,
      [this]() -> std::string {
        if (stopping_) return "stopping";
        if (foundation_.store->broken()) return "the database cannot be written";
        if (const Result<> root = storage_->blobs->CheckRoot(); !root)
          return "the blob directory is not this registry's";
        return "";
      },
      [this] { return Metrics(); });
  router_ = std::make_unique<Router>(*oci_, *downloads_, *aws_, *pages_);
  return {};
}

std::string Registry::Metrics() const {
  return RenderMetrics({server_.get(), *oci_, *aws_, *storage_, *event_receivers_, traffic_, *pulls_,
                        *foundation_.store, workers_, body_pool_});
}

Result<std::shared_ptr<http::TlsContext>> Registry::LoadTls(const DataLayout& layout) {
  if (config_.tls == TlsMode::kAuto) {
    const TlsFiles files = TRY(EnsureCertificate(layout.tls(), CertificateNames(config_), foundation_.clock));
    return http::TlsContext::Load(files.certificate.string(), files.key.string());
  }
  return http::TlsContext::Load(config_.tls_cert.string(), config_.tls_key.string());
}

Result<> Registry::Listen(const DataLayout& layout) {
  if (config_.uses_tls()) tls_ = TRY(LoadTls(layout));
  http::ServerOptions options{.workers = &workers_, .body_pool = &body_pool_, .handler = router_.get()};
  for (const HostPort& address : config_.listen) options.listen.push_back({address.host, address.port, tls_});
  options.trusted_proxies = config_.trusted_proxies;
  options.limits.connections = static_cast<int>(config_.limits_connections);
  options.limits.body_memory = config_.limits_body_memory;
  server_ = TRY(http::Server::Start(std::move(options)));
  addresses_ = server_->addresses();
  return {};
}

Result<> Registry::ListenForMetrics() {
  if (!config_.metrics_listen) return {};
  metrics_listener_ = std::make_unique<MetricsListener>([this] { return Metrics(); });
  metrics_server_ = TRY(
      http::Server::Start({.listen = {{config_.metrics_listen->host, config_.metrics_listen->port, nullptr}},
                           .loops = 1,
                           .workers = &workers_,
                           .body_pool = &body_pool_,
                           .handler = metrics_listener_.get()}));
  return {};
}

void Registry::StartBackground(const DataLayout& layout) {
  const auto start = [&](const char* name, std::chrono::seconds every, std::function<bool()> step) {
    background_.push_back(std::make_unique<jobs::BackgroundTask>(name, every, std::move(step)));
  };
  start("collect", config_.collection_interval,
        [this] { return Logged("collection", storage_->collection.RunSlice()); });
  start("archive", kArchiveEvery, [this] { return Logged("archive", storage_->archivist.RunSlice()); });
  start("disk", kWatchDiskEvery, [this] {
    storage_->WatchDisk();
    return false;
  });
  start("usage", kWatchUsageEvery, [this] {
    LoggedOnce("usage", storage_->WatchUsage());
    return LoggedOnce("events", event_receivers_->Watch());
  });
  for (const auto& delivery : event_receivers_->deliveries())
    start("events", kDeliverEvery, [&delivery] { return Logged("events", delivery->RunSlice()); });
  start("pull times", kFlushPullTimesEvery,
        [this] { return LoggedOnce("pull times", pulls_->FlushTimes()); });
  if (pulls_->announces())
    start("pull events", kFlushPullEventsEvery,
          [this] { return LoggedOnce("pull events", pulls_->FlushEvents()); });
  start("orphans", kSweepOrphansEvery,
        [this] { return Logged("orphans", storage_->collection.SweepOrphans()); });
  start("uploads", kTendUploadsEvery, [this] {
    uploads_->TendIdle();
    return false;
  });
  if (!tls_) return;
  start("certificate", kReloadTlsEvery, [this] {
    ReloadCertificate();
    return false;
  });
  if (config_.tls == TlsMode::kAuto)
    start("renewal", kRenewCertificateEvery, [this, layout] {
      const auto files = EnsureCertificate(layout.tls(), CertificateNames(config_), foundation_.clock);
      if (!files) Logged("renewal", Fail(files.error()));
      return false;
    });
}

void Registry::ReloadCertificate() {
  if (!tls_) return;
  const Result<bool> reloaded = tls_->ReloadIfChanged();
  if (!reloaded)
    log::Error("the new certificate cannot be used, the old one stays",
               {{"error", reloaded.error().ToString()}});
  else if (*reloaded)
    log::Info("the certificate was replaced");
}

void Registry::Stop() {
  if (std::exchange(stopping_, true)) return;
  if (event_receivers_) event_receivers_->Stop();
  if (storage_) storage_->archivist.Stop();
  background_.clear();
  if (server_) server_->Stop(config_.drain_seconds);
  if (metrics_server_) metrics_server_->Stop(std::chrono::milliseconds(0));
  if (uploads_) uploads_->CheckpointAll();
  if (pulls_) LoggedOnce("pulls", pulls_->FlushAll());
  workers_.Stop();
  body_pool_.Stop();
}

}  // namespace entrepot::server
