#include "registry/fsck.h"

#include <algorithm>

#include "base/log.h"
#include "registry/link_layer.h"

namespace entrepot::registry {
namespace {

struct Stage {
  std::string_view name;
  Result<std::size_t> (*check)(FsckWork&);
};

// Reference rows come before links, which are judged by them.
constexpr Stage kStages[] = {
    {"files", CheckFiles},   {"archive", CheckArchive}, {"references", CheckParents},
    {"images", CheckImages}, {"tags", CheckTags},       {"blobs", CheckBlobs},
    {"links", CheckLinks},   {"usage", CheckUsage},     {"totals", CheckTotals},
};

}  // namespace

Result<metadata::StoreCheck> Fsck::Begin(FsckOptions options) {
  const auto interrupted =
      TRY(store_.Read([](metadata::sql::Session& session) { return metadata::FindStoreCheck(session); }));
  if (interrupted && !options.restart && interrupted->repair == options.repair &&
      interrupted->read_blobs == options.read_blobs)
    return *interrupted;
  return metadata::StoreCheck{
      .repair = options.repair, .read_blobs = options.read_blobs, .started_at = store_.clock().Now()};
}

Result<FsckStep> Fsck::Step(FsckOptions options) {
  const std::lock_guard lock(running_);
  metadata::StoreCheck check = TRY(Begin(options));
  const Stage& stage = kStages[std::clamp<std::int64_t>(check.stage, 0, std::ssize(kStages) - 1)];
  FsckWork work{store_, tiers_, keys_, grace_, options, check.position, {}};
  const std::size_t looked_at = TRY(stage.check(work));

  check.checked += static_cast<std::int64_t>(looked_at);
  check.findings += std::ssize(work.findings);
  check.repaired += std::ranges::count(work.findings, true, &FsckFinding::repaired);
  check.position = looked_at == 0 ? metadata::WalkPosition() : work.position;
  if (looked_at == 0) ++check.stage;
  const bool done = check.stage == std::ssize(kStages);
  TRY(store_.Write(
      [&](metadata::WriteTransaction& transaction) {
        return done ? metadata::DeleteStoreCheck(transaction) : metadata::PutStoreCheck(transaction, check);
      },
      metadata::WritePriority::kBackground));
  for (const FsckFinding& finding : work.findings)
    log::Warning("the check of the store found a fault", {{"fault", finding.code},
                                                          {"subject", finding.subject},
                                                          {"detail", finding.detail},
                                                          {"repaired", finding.repaired}});
  return FsckStep{done, stage.name, check.checked, check.findings, check.repaired, std::move(work.findings)};
}

std::string NameOf(metadata::sql::Session& session, metadata::RepositoryRef ref) {
  const auto name = metadata::FindRepositoryName(session, ref);
  if (name && *name) return **name;
  return "repository " + std::to_string(ref.repository);
}

}  // namespace entrepot::registry
