#include "server/storage_commands.h"

#include <chrono>
#include <unistd.h>

#include <boost/json/array.hpp>

#include "base/log.h"
#include "metadata/usage.h"
#include "server/admin_arguments.h"
#include "server/data_directory.h"
#include "server/event_commands.h"
#include "server/rotate_root_command.h"
#include "server/unused_report.h"
#include "server/wiring.h"

namespace entrepot::server {
namespace {

using boost::json::object;

// A client waits that long for an answer at most, and shows progress between two.
constexpr std::chrono::milliseconds kStep{500};

object Freed(const registry::CollectionCounters& counters) {
  return {{"links", counters.links.load()},     {"blobs", counters.blobs.load()},
          {"bytes", counters.bytes.load()},     {"artifacts", counters.artifacts.load()},
          {"uploads", counters.uploads.load()}, {"orphans", counters.orphans.load()}};
}

object Less(object after, const object& before) {
  for (auto& [name, value] : after)
    value = value.to_number<std::int64_t>() - before.at(name).to_number<std::int64_t>();
  return after;
}

Result<object> Preview(Storage& storage) {
  const metadata::Reclaimable found = TRY(storage.collection.Preview());
  return object{{"links", found.links},
                {"blobs", found.files},
                {"bytes", found.bytes},
                {"uploads", found.uploads},
                {"repositories", found.repositories}};
}

Result<> RequireRunning(Storage& storage) {
  if (storage.collection.paused())
    return Fail(ErrorCode::kUnavailable, "collection is paused; `entrepot gc --resume` lets it go on");
  if (storage.store.time_suspect())
    return Fail(ErrorCode::kUnavailable,
                "collection waits because the wall clock jumped by more than five minutes within a day");
  return {};
}

Result<object> Step(Storage& storage) {
  TRY(RequireRunning(storage));
  const object before = Freed(storage.collection.counters());
  const auto end = std::chrono::steady_clock::now() + kStep;
  bool more = true;
  while (more && std::chrono::steady_clock::now() < end) more = TRY(storage.collection.RunSlice());
  object answer = Less(Freed(storage.collection.counters()), before);
  answer["more"] = more;
  return answer;
}

Result<object> Status(Storage& storage) {
  const registry::CollectionCounters& counters = storage.collection.counters();
  const Timestamp last_run{counters.last_run.load()};
  return object{{"paused", storage.collection.paused()},
                {"waits_for_clock", storage.store.time_suspect()},
                {"due", storage.collection.due()},
                {"last_run", last_run.micros == 0 ? "" : ToIso8601(last_run)},
                {"grace_seconds", storage.grace.hold().count()},
                {"disk_nearly_full", storage.grace.under_pressure()},
                {"failures", counters.failures.load()},
                {"freed", Freed(counters)}};
}

Result<object> SetPaused(Storage& storage, bool paused) {
  paused ? storage.collection.Pause() : storage.collection.Resume();
  return Status(storage);
}

object FindingObject(const registry::FsckFinding& finding) {
  return {{"code", finding.code},
          {"subject", finding.subject},
          {"detail", finding.detail},
          {"repaired", finding.repaired}};
}

// Pieces until there is something to tell, or the time of an answer is over.
Result<object> Check(Storage& storage, const object& arguments) {
  registry::FsckOptions options{.repair = TRY(Truth(arguments, "repair")),
                                .read_blobs = TRY(Truth(arguments, "read_blobs")),
                                .restart = TRY(Truth(arguments, "restart"))};
  const auto end = std::chrono::steady_clock::now() + kStep;
  registry::FsckStep step;
  do {
    step = TRY(storage.fsck.Step(options));
    options.restart = false;
  } while (!step.done && step.findings.empty() && std::chrono::steady_clock::now() < end);
  boost::json::array findings;
  for (const registry::FsckFinding& finding : step.findings) findings.push_back(FindingObject(finding));
  return object{{"done", step.done},         {"stage", step.stage},
                {"checked", step.checked},   {"findings_total", step.findings_total},
                {"repaired", step.repaired}, {"findings", std::move(findings)}};
}

object UsageObject(const metadata::NamedUsage& entry) {
  return {{"registry", entry.ref.registry},
          {"id", entry.ref.repository},
          {"account", entry.registry.account.str()},
          {"region", entry.registry.region.str()},
          {"repository", entry.name},
          {"blobs", entry.usage.blobs},
          {"unique_bytes", entry.usage.unique_bytes},
          {"shared_bytes", entry.usage.shared_bytes},
          {"archived_bytes", entry.usage.archived_bytes},
          {"manifests", entry.usage.manifests},
          {"manifest_bytes", entry.usage.manifest_bytes}};
}

constexpr int kUsagePage = 500;  // repositories; an answer is a line of at most 1 MiB
constexpr int kImagePage = 100;  // each is counted when it is asked for

// A page of repositories, and where the next one begins.
Result<object> UsageOfRepositories(Storage& storage, const object& arguments) {
  const metadata::RepositoryRef after{TRY(Number(arguments, "registry")), TRY(Number(arguments, "after"))};
  const auto page = TRY(storage.store.Read(
      [&](metadata::sql::Session& session) { return metadata::ListUsage(session, after, kUsagePage); }));
  boost::json::array repositories;
  for (const metadata::NamedUsage& entry : page) repositories.push_back(UsageObject(entry));
  object answer{{"repositories", std::move(repositories)}, {"more", page.size() == kUsagePage}};
  if (!page.empty()) {
    answer["registry"] = page.back().ref.registry;
    answer["after"] = page.back().ref.repository;
  }
  return answer;
}

// A page of a repository's images, by digest.
Result<object> UsageOfImages(Storage& storage, const object& arguments) {
  const metadata::RepositoryRef ref{TRY(Number(arguments, "registry")), TRY(Number(arguments, "repository"))};
  std::optional<Digest> after;
  if (const boost::json::value* digest = arguments.if_contains("after")) {
    if (!digest->is_string()) return Fail(ErrorCode::kMalformedRequest, "after is no text");
    after = TRY(Digest::Parse(digest->get_string()));
  }
  const auto page = TRY(storage.store.Read([&](metadata::sql::Session& session) {
    return metadata::ListImageUsage(session, ref, after, kImagePage);
  }));
  boost::json::array images;
  for (const metadata::NamedImageUsage& entry : page)
    images.push_back(object{{"image", entry.image.ToString()},
                            {"unique_bytes", entry.usage.unique_bytes},
                            {"shared_bytes", entry.usage.shared_bytes},
                            {"archived_bytes", entry.usage.archived_bytes}});
  return object{{"images", std::move(images)}, {"more", page.size() == kImagePage}};
}

Result<object> UsageOfRegistries(Storage& storage) {
  const auto listed = TRY(storage.store.Read(
      [](metadata::sql::Session& session) { return metadata::ListRegistryUsage(session); }));
  boost::json::array registries;
  for (const metadata::NamedRegistryUsage& entry : listed)
    registries.push_back(object{{"account", entry.name.account.str()},
                                {"region", entry.name.region.str()},
                                {"blobs", entry.usage.blobs},
                                {"bytes", entry.usage.bytes},
                                {"archived_bytes", entry.usage.archived_bytes}});
  return object{{"registries", std::move(registries)}};
}

/// A store with nobody listening, in the order it is opened.
struct Offline {
  explicit Offline(DataDirectory opened) : directory(std::move(opened)) {}
  DataDirectory directory;
  std::unique_ptr<Foundation> foundation;
  std::unique_ptr<Storage> storage;
};

Result<std::shared_ptr<Offline>> OpenOffline(const Config& config) {
  auto offline = std::make_shared<Offline>(TRY(DataDirectory::Open(config)));
  const DataLayout& layout = offline->directory.layout();
  offline->foundation = TRY(Foundation::Open(config, layout, [] {
    log::Error("the database failed in a way whose outcome is unknown; run the command again");
    ::_exit(70);
  }));
  Foundation& foundation = *offline->foundation;
  offline->storage = TRY(
      Storage::Open(config, layout, *foundation.files, *foundation.store, foundation.seals->service_keys));
  return offline;
}

}  // namespace

AdminCommands StorageCommands(Storage& storage, std::function<Result<>()> flush_pulls) {
  AdminCommands commands;
  commands["gc preview"] = [&storage](const object&) { return Preview(storage); };
  commands["gc step"] = [&storage](const object&) { return Step(storage); };
  commands["gc status"] = [&storage](const object&) { return Status(storage); };
  commands["gc pause"] = [&storage](const object&) { return SetPaused(storage, true); };
  commands["gc resume"] = [&storage](const object&) { return SetPaused(storage, false); };
  commands["fsck step"] = [&storage](const object& arguments) { return Check(storage, arguments); };
  commands["usage registries"] = [&storage](const object&) { return UsageOfRegistries(storage); };
  commands["usage repositories"] = [&storage](const object& arguments) {
    return UsageOfRepositories(storage, arguments);
  };
  commands["usage images"] = [&storage](const object& arguments) {
    return UsageOfImages(storage, arguments);
  };
  commands.merge(EventCommands(storage));
  commands.merge(ReportCommands(storage, std::move(flush_pulls)));
  return commands;
}

Result<AdminCommands> OpenStorage(const Config& config) {
  const std::shared_ptr<Offline> offline = TRY(OpenOffline(config));
  AdminCommands commands = StorageCommands(*offline->storage, [] { return Result<>(); });
  commands[std::string(kRotateRootCommand)] = [raw = offline.get()](const object&) {
    return RotateRoot(raw->directory.layout(), *raw->foundation);
  };
  for (auto& [name, command] : commands)
    command = [offline, inner = std::move(command)](const object& arguments) { return inner(arguments); };
  return commands;
}

}  // namespace entrepot::server
