#include "server/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include "oci/operations.h"

namespace entrepot::server {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

using Labels = std::vector<ClientMetric::Label>;

// Families in the order they were first named.
class Families {
 public:
  void Counter(const std::string& name, const std::string& help, Labels labels, double value) {
    ClientMetric metric;
    metric.label = std::move(labels);
    metric.counter.value = value;
    Family(name, help, MetricType::Counter).metric.push_back(std::move(metric));
  }
  void Gauge(const std::string& name, const std::string& help, Labels labels, double value) {
    ClientMetric metric;
    metric.label = std::move(labels);
    metric.gauge.value = value;
    Family(name, help, MetricType::Gauge).metric.push_back(std::move(metric));
  }
  /// `counts` has one bucket a bound and one beyond, not cumulated.
  template <class Bounds, class Counts>
  void Histogram(const std::string& name, const std::string& help, Labels labels, const Bounds& bounds,
                 const Counts& counts, double sum) {
    ClientMetric metric;
    metric.label = std::move(labels);
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < bounds.size(); ++i) {
      below += counts[i];
      metric.histogram.bucket.push_back({below, bounds[i]});
    }
    below += counts[bounds.size()];
    metric.histogram.bucket.push_back({below, std::numeric_limits<double>::infinity()});
    metric.histogram.sample_count = below;
    metric.histogram.sample_sum = sum;
    Family(name, help, MetricType::Histogram).metric.push_back(std::move(metric));
  }
  std::string Text() const { return prometheus::TextSerializer().Serialize(families_); }

 private:
  MetricFamily& Family(const std::string& name, const std::string& help, MetricType type) {
    for (MetricFamily& family : families_)
      if (family.name == name) return family;
    families_.push_back({name, help, type, {}});
    return families_.back();
  }
  std::vector<MetricFamily> families_;
};

void AddServer(Families& families, const http::ServerCounters& counters) {
  const auto count = [&](const std::string& name, const std::string& help, std::uint64_t value) {
    families.Counter("entrepot_http_" + name, help, {}, static_cast<double>(value));
  };
  count("connections_accepted_total", "Connections accepted.", counters.connections_accepted);
  families.Gauge("entrepot_http_connections", "Connections open.", {},
                 static_cast<double>(counters.connections_open));
  count("requests_total", "Requests received.", counters.requests);
  count("requests_inline_total", "Requests answered on the event loop.", counters.answered_inline);
  count("requests_refused_total", "Requests refused before a handler saw them.", counters.refused);
  count("received_bytes_total", "Bytes received.", counters.bytes_received);
  count("sent_bytes_total", "Bytes sent.", counters.bytes_sent);
  count("protocol_errors_total", "Connections that broke HTTP.", counters.protocol_errors);
  count("timeouts_total", "Connections cut off by a deadline.", counters.timeouts);
}

void AddOci(Families& families, const oci::OciDoor& door) {
  constexpr const char* kRequests = "entrepot_registry_requests_total";
  constexpr const char* kLatency = "entrepot_registry_request_seconds";
  std::vector<double> bounds;
  for (const auto bound : oci::OperationCounters::kLatencyBounds)
    bounds.push_back(std::chrono::duration<double>(bound).count());
  for (std::size_t i = 0; i < door.counters().size(); ++i) {
    const oci::OperationCounters& counters = door.counters()[i];
    const std::string name(i < oci::kOperationCount ? oci::Operations()[i].name : "unknown");
    for (std::size_t status = 0; status < counters.by_status_class.size(); ++status)
      families.Counter(kRequests, "Requests to /v2/ by operation and class of status.",
                       {{"operation", name}, {"status", std::to_string(status + 1) + "xx"}},
                       static_cast<double>(counters.by_status_class[status].load()));
    families.Histogram(kLatency, "Time from a worker's start to its answer; inline answers are not in it.",
                       {{"operation", name}}, bounds, counters.latency,
                       static_cast<double>(counters.latency_micros.load()) / 1e6);
  }
}

void AddAws(Families& families, const aws::AwsDoor& door) {
  door.VisitMetrics(
      [&](std::string_view service, std::string_view operation, const aws::OperationMetrics& metrics) {
        const Labels labels{{"service", std::string(service)}, {"operation", std::string(operation)}};
        families.Histogram("entrepot_api_request_seconds", "Calls of the AWS APIs.", labels,
                           aws::OperationMetrics::kBounds, metrics.latency(), metrics.seconds());
        Labels client = labels, server = labels;
        client.push_back({"fault", "client"});
        server.push_back({"fault", "server"});
        families.Counter("entrepot_api_errors_total", "Errors answered.", client,
                         static_cast<double>(metrics.client_errors()));
        families.Counter("entrepot_api_errors_total", "Errors answered.", server,
                         static_cast<double>(metrics.server_errors()));
      });
}

void AddCollection(Families& families, const registry::Collection& collection) {
  const registry::CollectionCounters& counters = collection.counters();
  const auto count = [&](const std::string& kind, std::uint64_t value) {
    families.Counter("entrepot_collected_total", "What collection removed.", {{"kind", kind}},
                     static_cast<double>(value));
  };
  count("link", counters.links);
  count("blob", counters.blobs);
  count("artifact", counters.artifacts);
  count("orphan", counters.orphans);
  count("upload", counters.uploads);
  families.Counter("entrepot_collected_bytes_total", "Content that collection removed.", {},
                   static_cast<double>(counters.bytes.load()));
  families.Counter("entrepot_collection_failures_total", "Steps of collection that failed and are repeated.",
                   {}, static_cast<double>(counters.failures.load()));
  families.Gauge("entrepot_collection_due",
                 "Links and files that wait for collection, counted up to 10000 of a kind.", {},
                 static_cast<double>(collection.due()));
  families.Gauge("entrepot_collection_last_run_timestamp_seconds",
                 "When collection last found nothing more to do.", {},
                 static_cast<double>(counters.last_run.load()) / 1e6);
  families.Gauge("entrepot_collection_paused", "1 while a person has collection paused.", {},
                 collection.paused() ? 1 : 0);
}

void AddEvents(Families& families, const EventReceivers& receivers) {
  for (const EventReceivers::Entry& entry : receivers.entries()) {
    const Labels labels{{"receiver", std::string(NameOf(entry.delivery.receiver().id()))}};
    const events::DeliveryCounters& counters = entry.delivery.counters();
    families.Counter("entrepot_events_delivered_total", "Events that a receiver took.", labels,
                     static_cast<double>(counters.delivered.load()));
    families.Counter("entrepot_event_failures_total", "Deliveries that failed and are repeated.", labels,
                     static_cast<double>(counters.failures.load()));
    families.Gauge("entrepot_events_pending", "Events that wait for delivery, counted up to 10000.", labels,
                   static_cast<double>(entry.state.pending));
    families.Gauge("entrepot_events_dead", "Events that were given up, counted up to 10000.", labels,
                   static_cast<double>(entry.state.dead));
  }
}

void AddArchive(Families& families, const registry::Archivist& archivist) {
  const registry::MoveCounters& moves = archivist.moves();
  const auto count = [&](const std::string& direction, std::uint64_t files, std::uint64_t bytes) {
    const Labels labels{{"direction", direction}};
    families.Counter("entrepot_archive_moved_blobs_total", "Blobs that moved to the archive or back.", labels,
                     static_cast<double>(files));
    families.Counter("entrepot_archive_moved_bytes_total", "Content that moved to the archive or back.",
                     labels, static_cast<double>(bytes));
  };
  count("in", moves.archived, moves.archived_bytes);
  count("out", moves.returned, moves.returned_bytes);
  families.Counter("entrepot_archive_packed_bytes_total", "What the content that moved in takes there.", {},
                   static_cast<double>(moves.packed_bytes.load()));
  families.Gauge(
      "entrepot_archive_pending",
      "Changes of storage class and files that wait for the archive, counted up to 1000 of a kind.", {},
      static_cast<double>(archivist.pending()));
  families.Counter("entrepot_archive_failures_total", "Steps of the archive that failed and are repeated.",
                   {}, static_cast<double>(archivist.counters().failures.load()));
}

void AddUsage(Families& families, const Storage::UsageView& usage) {
  for (const metadata::NamedRegistryUsage& entry : usage.registries) {
    const Labels labels{{"account", entry.name.account.str()}, {"region", entry.name.region.str()}};
    families.Gauge("entrepot_stored_blobs", "Blobs that a registry holds.", labels,
                   static_cast<double>(entry.usage.blobs));
    families.Gauge("entrepot_stored_bytes", "Content of them, every blob counted once.", labels,
                   static_cast<double>(entry.usage.bytes));
  }
  for (const metadata::NamedUsage& entry : usage.largest) {
    const auto gauge = [&](const char* kind, std::int64_t bytes) {
      families.Gauge("entrepot_repository_bytes",
                     "Content that a repository links, of the largest repositories: unique to it, or shared.",
                     {{"account", entry.registry.account.str()},
                      {"region", entry.registry.region.str()},
                      {"repository", entry.name},
                      {"kind", kind}},
                     static_cast<double>(bytes));
    };
    gauge("unique", entry.usage.unique_bytes);
    gauge("shared", entry.usage.shared_bytes);
    gauge("archived", entry.usage.archived_bytes);
  }
}

void AddTraffic(Families& families, const registry::Traffic& traffic) {
  const auto add = [&](const Labels& labels, const registry::RepositoryTraffic& counted) {
    const auto count = [&](const char* name, const char* help, std::uint64_t value) {
      families.Counter(std::string("entrepot_repository_") + name, help, labels, static_cast<double>(value));
    };
    count("pulls_total", "Manifests sent, by repository.", counted.pulls);
    count("pushes_total", "Manifests taken in, by repository.", counted.pushes);
    count("sent_bytes_total", "Bytes of manifests and layers sent, by repository.", counted.sent_bytes);
    count("received_bytes_total", "Bytes of manifests and layers taken in, by repository.",
          counted.received_bytes);
  };
  for (const registry::Traffic::Entry& entry : traffic.entries())
    add({{"account", entry.registry.account.str()},
         {"region", entry.registry.region.str()},
         {"repository", entry.repository}},
        entry.traffic);
  add({{"account", ""}, {"region", ""}, {"repository", ""}}, traffic.others());  // all not told apart
}

void AddQueues(Families& families, const MetricsSources& sources) {
  families.Counter("entrepot_pull_times_dropped_total", "Times of pulls for which there was no room.", {},
                   static_cast<double>(sources.pulls.counters().times_dropped.load()));
  families.Counter("entrepot_pull_events_dropped_total", "Events of pulls for which there was no room.", {},
                   static_cast<double>(sources.pulls.counters().events_dropped.load()));
  families.Gauge("entrepot_store_pending_writes", "Writes that wait or run.", {},
                 static_cast<double>(sources.store.pending_writes()));
  const auto waiting = [&](const char* pool, std::size_t jobs) {
    families.Gauge("entrepot_jobs_waiting", "Jobs that wait for a thread.", {{"pool", pool}},
                   static_cast<double>(jobs));
  };
  waiting("worker", sources.workers.waiting());
  waiting("body", sources.body_pool.waiting());
}

void AddStorage(Families& families, const Storage& storage) {
  AddCollection(families, storage.collection);
  AddArchive(families, storage.archivist);
  AddUsage(families, storage.usage());
  families.Gauge("entrepot_store_time_suspect", "1 while collection waits because the wall clock jumped.", {},
                 storage.store.time_suspect() ? 1 : 0);
  families.Gauge("entrepot_disk_pressure", "1 while the disk is nearly full and grace is an hour at most.",
                 {}, storage.grace.under_pressure() ? 1 : 0);
  families.Gauge("entrepot_grace_seconds", "How long a layer without an image is held.", {},
                 static_cast<double>(storage.grace.hold().count()));
  families.Counter("entrepot_lease_extensions_total", "Holds that an answer of existence made longer.", {},
                   static_cast<double>(storage.grace.extensions()));
  families.Gauge("entrepot_disk_full", "1 while the disk is full and no layers are taken in.", {},
                 storage.disk_full() ? 1 : 0);
  families.Gauge("entrepot_disk_bytes", "Size of the disk that holds the blobs.", {},
                 static_cast<double>(storage.space().total));
  families.Gauge("entrepot_disk_available_bytes", "Free space on the disk that holds the blobs.", {},
                 static_cast<double>(storage.space().available));
}

}  // namespace

std::string RenderMetrics(const MetricsSources& sources) {
  Families families;
  if (sources.server) AddServer(families, sources.server->counters());
  AddOci(families, sources.oci);
  AddAws(families, sources.aws);
  AddStorage(families, sources.storage);
  AddEvents(families, sources.events);
  AddTraffic(families, sources.traffic);
  AddQueues(families, sources);
  return families.Text();
}

}  // namespace entrepot::server
