#include "registry/blob_mover.h"

#include <algorithm>

#include "base/log.h"
#include "blobs/packing.h"
#include "metadata/storage_class.h"
#include "metadata/store_walk.h"
#include "registry/caches.h"
#include "registry/refs.h"

namespace entrepot::registry {
namespace {

using metadata::BlobRow;
using metadata::BlobTier;
using metadata::LinkRow;
using metadata::RepositoryRef;
using metadata::WritePriority;
using metadata::WriteTransaction;

constexpr int kLinks = 64;  // moved in one transaction

// Of a repository that still has a name.
Result<std::optional<keys::RepositoryRef>> KeyRefOf(metadata::sql::Session& session, RepositoryRef ref) {
  const auto registry = TRY(metadata::FindRegistryName(session, ref.registry));
  const auto name = TRY(metadata::FindRepositoryName(session, ref));
  if (!registry || !name) return std::nullopt;
  return keys::RepositoryRef{ref.registry, ref.repository, RepositoryArn(*registry, *name)};
}

// Whether the link may leave its hot file: its repository is there, and nothing that needs the layer.
Result<bool> MayLeave(metadata::sql::Session& session, std::int64_t registry, const LinkRow& link) {
  const RepositoryRef ref{registry, link.repository};
  return link.archived && TRY(metadata::FindRepositoryName(session, ref)) &&
         !TRY(metadata::IsLayerNeeded(session, ref, link.blob.digest));
}

// Whether the file is hot and only archived links need it.
Result<bool> IsIdle(metadata::sql::Session& session, std::int64_t registry, const BlobRow& row) {
  return row.hot() && !TRY(metadata::HasLink(session, registry, row.file_id, /*archived=*/false)) &&
         TRY(metadata::HasLink(session, registry, row.file_id, /*archived=*/true));
}

BlobRow ArchivedRow(const BlobRow& hot, const blobs::FinishedBlob& copy) {
  return {.file_id = ToVector(copy.file.bytes()),
          .domain = hot.domain,
          .digest = hot.digest,
          .size = hot.size,
          .state = metadata::BlobState::kLive,
          .layout = copy.layout,
          .tier = BlobTier::kArchive,
          .packed_size = static_cast<std::int64_t>(copy.size)};
}

void RemoveCopy(blobs::BlobStore& files, const blobs::FileId& file) {
  if (const Result<> removed = files.Remove(file); !removed)
    log::Warning("a copy that came to nothing was not removed",
                 {{"file", file.name()}, {"error", removed.error().ToString()}});
}

}  // namespace

// ---- to the archive

struct BlobMover::Departure {
  std::int64_t registry;
  BlobRow hot;
  keys::DataKey data_key;
  std::optional<BlobRow> archived;  // a copy that is there already
  bool archived_is_whole = false;
};

Result<> BlobMover::Archive(std::int64_t registry, Bytes file_id) {
  const std::optional<Departure> departure = TRY(PlanDeparture(registry, file_id));
  if (!departure) return {};
  std::optional<NewFile> copy;
  if (!departure->archived_is_whole) copy = TRY(CopyToArchive(*departure));
  const Result<bool> moved = MoveLinks(*departure, copy);
  if (copy && !moved.value_or(false)) {
    // After a commit of unknown outcome the copy may be published: the sweep of files without a row decides
    // later.
    if (!store_.broken()) RemoveCopy(tiers_.archive, copy->blob.file);
  }
  if (!moved) return Fail(moved.error());
  if (copy && *moved) {
    ++counters_.archived;
    counters_.archived_bytes += static_cast<std::uint64_t>(departure->hot.size);
    counters_.packed_bytes += copy->blob.size;
  }
  return {};
}

Result<std::optional<BlobMover::Departure>> BlobMover::PlanDeparture(std::int64_t registry, Bytes file_id) {
  auto departure = TRY(store_.Read([&](metadata::sql::Session& session) -> Result<std::optional<Departure>> {
    const auto row = TRY(metadata::FindBlob(session, registry, file_id));
    if (!row || TRY(blobs::FileId::FromBytes(row->file_id)).in_row()) return std::nullopt;
    if (!TRY(IsIdle(session, registry, *row))) return std::nullopt;
    bool any = false;
    for (const LinkRow& link : TRY(metadata::ListLinks(session, registry, file_id, kLinks)))
      any = any || TRY(MayLeave(session, registry, link));
    const auto named = TRY(metadata::FindNamedLink(session, registry, file_id));
    if (!any || !named) return std::nullopt;
    return Departure{
        .registry = registry,
        .hot = *row,
        .data_key = TRY(DataKeyOf(session, keys_, registry, named->link, named->repository_name)),
        .archived =
            TRY(metadata::FindLiveBlob(session, registry, row->domain, row->digest, BlobTier::kArchive))};
  }));
  if (departure && departure->archived)
    departure->archived_is_whole = TRY(IsFileWhole(tiers_.archive, *departure->archived));
  return departure;
}

Result<NewFile> BlobMover::CopyToArchive(const Departure& departure) {
  const BlobRow& hot = departure.hot;
  const auto reader = TRY(Open(departure.registry, hot, departure.data_key));
  const keys::DataKey data_key = keys_.NewDataKey();
  const auto writer =
      TRY(blobs::BlobWriter::Begin(tiers_.archive, {departure.registry, hot.domain}, data_key));
  blobs::Packer packer([&](Bytes packed) { return writer->Append(packed); });
  TRY(blobs::ReadAll(*reader, [&](Bytes content) -> Result<> {
    TRY(RequireGoingOn());
    return packer.Append(content);
  }));
  TRY(packer.Finish());
  blobs::FinishedBlob copy = TRY(writer->Finish());
  const auto digest_of = [&](const blobs::BlobReader& blob) {
    return blobs::ComputeUnpackedDigest(blob, hot.digest.algorithm());
  };
  TRY(CheckCopy(tiers_.archive, copy, {copy.file, {departure.registry, hot.domain}, data_key}, digest_of,
                hot.digest));
  return NewFile{std::move(copy), data_key};
}

// True once the copy is published, or when there was none to publish.
Result<bool> BlobMover::MoveLinks(const Departure& departure, const std::optional<NewFile>& copy) {
  bool published = !copy;
  for (bool more = true; more;) {
    const std::int64_t moved = TRY(
        store_.Write([&](WriteTransaction& transaction) { return MoveLinksIn(transaction, departure, copy); },
                     WritePriority::kBackground));
    published = published || moved > 0;
    more = moved == kLinks;
  }
  return published;
}

Result<std::int64_t> BlobMover::MoveLinksIn(WriteTransaction& transaction, const Departure& departure,
                                            const std::optional<NewFile>& copy) {
  metadata::sql::Session& session = transaction.session();
  const std::int64_t registry = departure.registry;
  // Locks the row where rows are locked.
  if (!TRY(metadata::IsFileInUse(transaction, registry, departure.hot.file_id))) return 0;
  const auto hot = TRY(metadata::FindBlob(session, registry, departure.hot.file_id));
  if (!hot || !TRY(IsIdle(session, registry, *hot))) return 0;
  std::vector<LinkRow> leaving;
  for (LinkRow& link : TRY(metadata::ListLinks(session, registry, hot->file_id, kLinks)))
    if (TRY(MayLeave(session, registry, link))) leaving.push_back(std::move(link));
  if (leaving.empty()) return 0;

  const auto target = TRY(TargetOf(transaction, departure, copy));
  if (!target) return 0;
  for (const LinkRow& link : leaving) {
    const RepositoryRef ref{registry, link.repository};
    const keys::RepositoryKey key = TRY(keys_.Current(transaction, *TRY(KeyRefOf(session, ref))));
    TRY(metadata::MoveArchivedLink(transaction, ref, hot->digest, target->row.file_id,
                                   {key.id(), key.Wrap(target->data_key, WrapContextOf(target->row))}));
    transaction.Touch(LayerKey(RepositoryId(ref.repository), hot->digest));
  }
  return std::ssize(leaving);
}

// The copy, published if it is not yet, or the one that was there before; nothing when another has come
// between.
Result<std::optional<BlobMover::Target>> BlobMover::TargetOf(WriteTransaction& transaction,
                                                             const Departure& departure,
                                                             const std::optional<NewFile>& copy) {
  metadata::sql::Session& session = transaction.session();
  const BlobRow& hot = departure.hot;
  auto live =
      TRY(metadata::FindLiveBlob(session, departure.registry, hot.domain, hot.digest, BlobTier::kArchive));
  if (!copy) {
    if (!live || live->file_id != departure.archived->file_id) return std::nullopt;
    const auto named = TRY(metadata::FindNamedLink(session, departure.registry, live->file_id));
    if (!named) return std::nullopt;
    return Target{*live,
                  TRY(DataKeyOf(session, keys_, departure.registry, named->link, named->repository_name))};
  }
  BlobRow row = ArchivedRow(hot, copy->blob);
  if (live && live->file_id == row.file_id) return Target{std::move(row), copy->data_key};
  if (live) {
    if (!departure.archived || live->file_id != departure.archived->file_id) return std::nullopt;
    TRY(metadata::MarkDamaged(transaction, departure.registry, live->file_id,
                              transaction.store_time() + kQuarantine));
    TRY(metadata::AddCandidate(transaction, departure.registry, live->file_id));
  }
  if (!TRY(metadata::InsertBlob(transaction, departure.registry, row))) return std::nullopt;
  return Target{std::move(row), copy->data_key};
}

// ---- back from it

struct BlobMover::Return {
  Repository repository;
  LinkRow link;
  keys::DataKey data_key;
};

Result<> BlobMover::BringBack(RepositoryRef ref, const Digest& layer) {
  if (TRY(LinkHot(ref, layer))) return {};
  const Return plan = TRY(PlanReturn(ref, layer));
  const NewFile copy = TRY(CopyToHot(plan));
  TRY(PublishLayer(store_, tiers_.hot, keys_, plan.repository, copy, grace_.hold(),
                   [](WriteTransaction&) { return Result<>(); }));
  ++counters_.returned;
  counters_.returned_bytes += copy.blob.size;
  return {};
}

// True when a hot file has the content: the link is readable from now on.
Result<bool> BlobMover::LinkHot(RepositoryRef ref, const Digest& layer) {
  const auto hot = TRY(store_.Read([&](metadata::sql::Session& session) -> Result<std::optional<BlobRow>> {
    const auto link = TRY(metadata::FindLink(session, ref, layer));
    if (!link) return Fail(ErrorCode::kDamaged, "an image names a layer that has no link");
    return metadata::FindLiveBlob(session, ref.registry, link->blob.domain, layer);
  }));
  if (!hot || !TRY(IsFileWhole(tiers_.hot, *hot))) return false;
  return store_.Write(
      [&](WriteTransaction& transaction) -> Result<bool> {
        const auto link = TRY(metadata::FindLink(transaction.session(), ref, layer));
        if (!link) return false;
        if (link->readable()) return true;
        if (!link->blob.hot()) return MoveLink(transaction, keys_, ref.registry, *link);
        TRY(metadata::SetLinkArchived(transaction, ref, layer, false));
        transaction.Touch(LayerKey(RepositoryId(ref.repository), layer));
        return true;
      },
      WritePriority::kBackground);
}

Result<BlobMover::Return> BlobMover::PlanReturn(RepositoryRef ref, const Digest& layer) {
  return store_.Read([&](metadata::sql::Session& session) -> Result<Return> {
    const auto link = TRY(metadata::FindLink(session, ref, layer));
    const auto registry = TRY(metadata::FindRegistryName(session, ref.registry));
    const auto name = TRY(metadata::FindRepositoryName(session, ref));
    if (!link || !registry || !name) return Fail(ErrorCode::kUnavailable, "the repository is going");
    if (link->blob.state != metadata::BlobState::kLive || link->blob.tier != BlobTier::kArchive)
      return Fail(ErrorCode::kDamaged, "the archive has no good copy of " + layer.ToString());
    return Return{.repository = {.registry = *registry,
                                 .registry_id = RegistryId(ref.registry),
                                 .id = RepositoryId(ref.repository),
                                 .name = RepositoryName::Trusted(*name),
                                 .domain = link->blob.domain},
                  .link = *link,
                  .data_key = TRY(DataKeyOf(session, keys_, ref.registry, *link, *name))};
  });
}

Result<NewFile> BlobMover::CopyToHot(const Return& plan) {
  const BlobRow& archived = plan.link.blob;
  const blobs::DomainId domain = DomainOf(plan.repository);
  const auto reader = TRY(Open(domain.registry, archived, plan.data_key));
  const keys::DataKey data_key = keys_.NewDataKey();
  blobs::WriterOptions options;
  options.sha512 = archived.digest.algorithm() == HashAlgorithm::kSha512;
  options.expected_size = static_cast<std::uint64_t>(archived.size);
  const auto writer = TRY(blobs::BlobWriter::Begin(tiers_.hot, domain, data_key, options));
  TRY(blobs::UnpackAll(*reader, [&](Bytes content) -> Result<> {
    TRY(RequireGoingOn());
    return writer->Append(content);
  }));
  blobs::FinishedBlob copy = TRY(writer->Finish({&archived.digest, 1}));
  const auto digest_of = [&](const blobs::BlobReader& blob) {
    return blob.ComputeDigest(archived.digest.algorithm());
  };
  TRY(CheckCopy(tiers_.hot, copy, {copy.file, domain, data_key}, digest_of, archived.digest));
  return NewFile{std::move(copy), data_key};
}

// ---- both ways

Result<std::shared_ptr<const blobs::BlobReader>> BlobMover::Open(std::int64_t registry, const BlobRow& row,
                                                                 const keys::DataKey& data_key) {
  blobs::BlobIdentity identity{TRY(blobs::FileId::FromBytes(row.file_id)), {registry, row.domain}, data_key};
  std::shared_ptr<blobs::File> file = TRY(tiers_.Of(row).Open(identity.file, blobs::Access::kRead));
  if (!file) return Fail(ErrorCode::kDamaged, "blob file " + identity.file.name() + " is missing");
  return blobs::BlobReader::Open(std::move(file), std::move(identity), row.layout,
                                 static_cast<std::uint64_t>(row.stored_size()));
}

// Reads what the disk has, not what memory has of it. A copy that is not good is removed.
Result<> BlobMover::CheckCopy(blobs::BlobStore& files, const blobs::FinishedBlob& copy,
                              blobs::BlobIdentity identity, const DigestOf& digest_of,
                              const Digest& expected) {
  const auto check = [&]() -> Result<> {
    std::shared_ptr<blobs::File> file = TRY(files.Open(copy.file, blobs::Access::kRead));
    if (!file) return Fail(ErrorCode::kStorageFault, "a copy was gone before it was read back");
    file->DropCache(0, TRY(blobs::Lift(file->Status(), copy.file.name())).size);
    const auto reader =
        TRY(blobs::BlobReader::Open(std::move(file), std::move(identity), copy.layout, copy.size));
    if (TRY(digest_of(*reader)) == expected) return {};
    return Fail(ErrorCode::kStorageFault, "a copy did not read back as it was written");
  };
  const Result<> good = check();
  if (!good) RemoveCopy(files, copy.file);
  return good;
}

Result<> BlobMover::RequireGoingOn() const {
  if (stopping_) return Fail(ErrorCode::kUnavailable, "the registry is stopping");
  return {};
}

}  // namespace entrepot::registry
