#pragma once

// /metrics: what the rooms count, in Prometheus's text form. Nothing is registered anywhere: every scrape
// reads the counters where they are.

#include <string>

#include "aws/door.h"
#include "base/pool.h"
#include "http/server.h"
#include "oci/door.h"
#include "registry/pulls.h"
#include "registry/traffic.h"
#include "server/event_receivers.h"
#include "server/storage.h"

namespace entrepot::server {

struct MetricsSources {
  const http::Server* server = nullptr;  // null while it is not yet listening
  const oci::OciDoor& oci;
  const aws::AwsDoor& aws;
  const Storage& storage;
  const EventReceivers& events;
  const registry::Traffic& traffic;
  const registry::Pulls& pulls;
  const metadata::Store& store;
  const ThreadPool& workers;
  const ThreadPool& body_pool;
};

std::string RenderMetrics(const MetricsSources& sources);

}  // namespace entrepot::server
