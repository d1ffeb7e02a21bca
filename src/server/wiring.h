#pragma once

// Every room of a running registry, built in order and taken down in reverse: the one place that names
// concrete back ends.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "access/store_access.h"
#include "aws/door.h"
#include "base/pool.h"
#include "events/audit_log.h"
#include "http/server.h"
#include "jobs/background.h"
#include "keys/key_ring.h"
#include "metadata/store.h"
#include "oci/door.h"
#include "oci/downloads.h"
#include "registry/images.h"
#include "registry/layers.h"
#include "registry/referrers.h"
#include "registry/repositories.h"
#include "registry/storage_class.h"
#include "registry/uploads.h"
#include "server/config.h"
#include "server/data_directory.h"
#include "server/event_receivers.h"
#include "server/router.h"
#include "server/status_pages.h"
#include "server/storage.h"
#include "services/ecr/ecr.h"
#include "services/sts/sts.h"

namespace entrepot::server {

/// What lies below the doors and is needed without a server too: the store and the root key.
struct Foundation {
  SystemClock clock;
  std::unique_ptr<blobs::Files> files;
  std::unique_ptr<metadata::Store> store;
  std::optional<keys::RootSeals> seals;

  /// `on_broken` is called once when the store can no longer be relied on.
  static Result<std::unique_ptr<Foundation>> Open(const Config& config, const DataLayout& layout,
                                                  std::function<void()> on_broken);
  access::AccessSecrets secrets() const;
};

/// A registry that listens.
class Registry {
 public:
  /// `foundation` and `config` outlive it.
  static Result<std::unique_ptr<Registry>> Start(const Config& config, const DataLayout& layout,
                                                 Foundation& foundation);
  ~Registry();

  /// Where it really listens; the metrics listener is not among them.
  const std::vector<http::ListenAddress>& addresses() const { return addresses_; }
  /// Serves what the certificate's files hold now, if they changed; what cannot be used leaves the old one.
  /// From any thread.
  void ReloadCertificate();
  /// Brings the times of last pulls in the store up to date.
  Result<> FlushPulls() { return pulls_->FlushAll(); }
  /// What keeps its blobs, for the admin socket.
  Storage& storage() { return *storage_; }
  /// Answers what is in progress, for at most the configured time, and checkpoints uploads.
  void Stop();

 private:
  Registry(const Config& config, Foundation& foundation);
  Result<> OpenRooms(const DataLayout& layout);
  Result<> Listen(const DataLayout& layout);
  Result<> ListenForMetrics();
  Result<std::shared_ptr<http::TlsContext>> LoadTls(const DataLayout& layout);
  void StartBackground(const DataLayout& layout);
  std::string Metrics() const;

  const Config& config_;
  Foundation& foundation_;
  bool stopping_ = false;

  events::AuditLog audit_;  // ends last: until then calls end
  ThreadPool workers_, body_pool_;
  std::unique_ptr<Storage> storage_;
  std::unique_ptr<EventReceivers> event_receivers_;
  std::unique_ptr<access::Access> access_;
  std::unique_ptr<registry::Caches> caches_;
  std::unique_ptr<registry::Repositories> repositories_;
  std::unique_ptr<registry::Policies> policies_;
  std::unique_ptr<registry::AccountSettings> account_settings_;
  std::unique_ptr<registry::PullTimeExclusions> pull_time_exclusions_;
  std::unique_ptr<registry::Pulls> pulls_;
  registry::Traffic traffic_;
  std::unique_ptr<registry::CreationTemplates> creation_templates_;
  std::unique_ptr<registry::Images> images_;
  std::unique_ptr<registry::StorageClasses> storage_classes_;
  std::unique_ptr<registry::Referrers> referrers_;
  std::unique_ptr<registry::Layers> layers_;
  std::unique_ptr<registry::Uploads> uploads_;

  std::unique_ptr<oci::OciDoor> oci_;
  std::unique_ptr<oci::Downloads> downloads_;
  std::unique_ptr<ecr::Ecr> ecr_;
  sts::Sts sts_;
  std::unique_ptr<aws::AwsDoor> aws_;
  std::unique_ptr<StatusPages> pages_;
  std::unique_ptr<Router> router_;
  std::unique_ptr<MetricsListener> metrics_listener_;

  std::shared_ptr<http::TlsContext> tls_;
  std::unique_ptr<http::Server> server_, metrics_server_;
  std::vector<http::ListenAddress> addresses_;
  std::vector<std::unique_ptr<jobs::BackgroundTask>> background_;
};

}  // namespace entrepot::server
