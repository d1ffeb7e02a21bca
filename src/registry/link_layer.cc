#include "registry/link_layer.h"

#include "base/arn.h"
#include "base/log.h"
#include "metadata/images.h"
#include "metadata/storage_class.h"
#include "registry/caches.h"
#include "registry/grace.h"
#include "registry/refs.h"

namespace entrepot::registry {
namespace {

using metadata::WriteTransaction;

// What a publishing transaction found: it is run again when the file that won meanwhile has not been looked
// at yet.
enum class Outcome { kPublished, kLinkedWinner, kAlreadyLinked, kLookAgain };

// A layer that only archived images name was brought again: it is in reach from now on, and goes back if the
// image that it is for has not come when the hold is over.
Result<> ReturnLater(WriteTransaction& transaction, metadata::RepositoryRef ref, const Digest& layer,
                     Bytes file_id, std::chrono::seconds hold) {
  if (TRY(metadata::IsLayerNeeded(transaction.session(), ref, layer))) return {};
  return metadata::AddArchiveCandidate(transaction, ref.registry, file_id, transaction.store_time() + hold);
}

// False when it was in reach.
Result<bool> Unpark(WriteTransaction& transaction, metadata::RepositoryRef ref, const metadata::LinkRow& link,
                    std::chrono::seconds hold) {
  if (!TRY(metadata::SetLinkArchived(transaction, ref, link.blob.digest, false))) return false;
  TRY(ReturnLater(transaction, ref, link.blob.digest, link.blob.file_id, hold));
  return true;
}

// A winner that was looked at outside the transaction.
struct Winner {
  metadata::BlobRow row;
  bool whole = false;
};

struct Publication {
  blobs::BlobStore& files;
  keys::KeyRing& keys;
  const Repository& repository;
  const NewFile& file;
  std::chrono::seconds hold;

  Result<std::optional<Winner>> LookForWinner(metadata::Store& store) const {
    auto row = TRY(store.Read([&](metadata::sql::Session& session) {
      return metadata::FindLiveBlob(session, RefOf(repository).registry, repository.domain, file.blob.digest);
    }));
    if (!row) return std::nullopt;
    const bool whole = TRY(IsFileWhole(files, *row));
    return Winner{std::move(*row), whole};
  }

  Result<Outcome> Run(WriteTransaction& transaction, const std::optional<Winner>& winner) const {
    TRY(RequireRepository(transaction, repository));
    transaction.Touch(LayerKey(repository.id, file.blob.digest));
    const std::int64_t registry = RefOf(repository).registry;
    const auto live =
        TRY(metadata::FindLiveBlob(transaction.session(), registry, repository.domain, file.blob.digest));
    if (!live) return InsertOwn(transaction);
    if (!winner || winner->row.file_id != live->file_id) return Outcome::kLookAgain;
    if (winner->whole)
      if (const auto linked = TRY(LinkWinner(transaction, *live))) return *linked;
    // The winner's file is not whole, or its key can be had by no link that we know: it steps aside, and
    // every link of it moves to the new file.
    TRY(metadata::MarkDamaged(
        transaction, registry, live->file_id,
        winner->whole ? transaction.store_time() : transaction.store_time() + kQuarantine));
    TRY(metadata::AddCandidate(transaction, registry, live->file_id));
    return InsertOwn(transaction);
  }

 private:
  Result<Outcome> InsertOwn(WriteTransaction& transaction) const {
    const metadata::RepositoryRef ref = RefOf(repository);
    const metadata::BlobRow row{.file_id = ToVector(file.blob.file.bytes()),
                                .domain = repository.domain,
                                .digest = file.blob.digest,
                                .size = static_cast<std::int64_t>(file.blob.size),
                                .state = metadata::BlobState::kLive,
                                .layout = file.blob.layout};
    if (!TRY(metadata::InsertBlob(transaction, ref.registry, row, file.blob.row_content)))
      return Outcome::kLookAgain;
    const keys::RepositoryKey key = TRY(keys.Current(transaction, KeyRefOf(repository)));
    const bool referenced = TRY(metadata::IsLayerReferenced(transaction.session(), ref, row.digest));
    TRY(metadata::PutLink(transaction, ref, row.digest, row.file_id,
                          {key.id(), key.Wrap(file.data_key, WrapContextOf(row))},
                          referenced ? std::nullopt : std::optional(transaction.store_time() + hold)));
    if (referenced) TRY(ReturnLater(transaction, ref, row.digest, row.file_id, hold));
    return Outcome::kPublished;
  }

  /// Whether the link's data key can be had.
  Result<bool> Opens(WriteTransaction& transaction, const keys::RepositoryRef& owner,
                     const metadata::LinkRow& link) const {
    const keys::RepositoryKey key = TRY(keys.Load(transaction.session(), owner, link.key.repository_key));
    const auto data_key = key.Unwrap(link.key.bytes, WrapContextOf(link.blob));
    if (!data_key && data_key.error().code() != ErrorCode::kKeyFailure) return Fail(data_key.error());
    return data_key.has_value();
  }

  Result<std::optional<Outcome>> LinkWinner(WriteTransaction& transaction,
                                            const metadata::BlobRow& live) const {
    const metadata::RepositoryRef ref = RefOf(repository);
    const auto own = TRY(metadata::FindLink(transaction.session(), ref, live.digest));
    if (own && own->blob.file_id == live.file_id) {
      if (!TRY(Opens(transaction, KeyRefOf(repository), *own))) return std::nullopt;
      TRY(metadata::HoldLink(transaction, ref, live.digest, transaction.store_time() + hold));
      return TRY(Unpark(transaction, ref, *own, hold)) ? Outcome::kLinkedWinner : Outcome::kAlreadyLinked;
    }
    const auto from = TRY(metadata::FindNamedLink(transaction.session(), ref.registry, live.file_id));
    if (!from) return std::nullopt;
    const keys::RepositoryRef source{ref.registry, from->link.repository,
                                     RepositoryArn(repository.registry, from->repository_name)};
    if (!TRY(Opens(transaction, source, from->link))) return std::nullopt;
    TRY(ShareLink(transaction, keys, source, from->link, repository, hold));
    return Outcome::kLinkedWinner;
  }
};

Result<Outcome> RunPublication(metadata::Store& store, const Publication& publication,
                               const std::function<Result<>(WriteTransaction&)>& also) {
  TRY(publication.files.RequireRoom());
  // Most content is new: whether there is a file of it already is seen in the transaction, and looked at only
  // then.
  std::optional<Winner> winner;
  for (int attempt = 0; attempt < 5; ++attempt) {
    const Outcome outcome = TRY(store.Write([&](WriteTransaction& transaction) -> Result<Outcome> {
      const Outcome found = TRY(publication.Run(transaction, winner));
      if (found != Outcome::kLookAgain) TRY(also(transaction));
      return found;
    }));
    if (outcome != Outcome::kLookAgain) return outcome;
    winner = TRY(publication.LookForWinner(store));
  }
  return Fail(ErrorCode::kUnavailable, "many writers publish the same layer");
}

}  // namespace

keys::BlobWrapContext WrapContextOf(const metadata::BlobRow& row) {
  return {row.domain, row.file_id, row.digest, static_cast<std::uint64_t>(row.size), row.layout};
}

Result<keys::DataKey> DataKeyOf(metadata::sql::Session& session, keys::KeyRing& keys, std::int64_t registry,
                                const metadata::LinkRow& link, std::string_view repository_name) {
  const auto registry_name = TRY(metadata::FindRegistryName(session, registry));
  if (!registry_name) return Fail(ErrorCode::kKeyFailure, "the registry has no row");
  const keys::RepositoryKey key =
      TRY(keys.Load(session, {registry, link.repository, RepositoryArn(*registry_name, repository_name)},
                    link.key.repository_key));
  return key.Unwrap(link.key.bytes, WrapContextOf(link.blob));
}

Result<bool> IsFileWhole(blobs::BlobStore& files, const metadata::BlobRow& row) {
  const blobs::FileId id = TRY(blobs::FileId::FromBytes(row.file_id));
  if (id.in_row()) return true;
  const blobs::Layout layout = TRY(blobs::Layout::Decode(row.layout));
  const std::optional<blobs::FileStatus> status = TRY(files.Status(id));
  return status &&
         status->size == blobs::FileLength(layout.suite, static_cast<std::uint64_t>(row.stored_size()));
}

Result<> ShareLink(WriteTransaction& transaction, keys::KeyRing& keys, const keys::RepositoryRef& source,
                   const metadata::LinkRow& from, const Repository& target, std::chrono::seconds hold) {
  const metadata::RepositoryRef ref = RefOf(target);
  const Timestamp until = transaction.store_time() + hold;
  const auto own = TRY(metadata::FindLink(transaction.session(), ref, from.blob.digest));
  if (own && own->blob.file_id == from.blob.file_id) {
    TRY(metadata::HoldLink(transaction, ref, from.blob.digest, until));
    TRY(Unpark(transaction, ref, *own, hold));
    return {};
  }
  const keys::RepositoryKey source_key =
      TRY(keys.Load(transaction.session(), source, from.key.repository_key));
  const keys::DataKey data_key = TRY(source_key.Unwrap(from.key.bytes, WrapContextOf(from.blob)));
  const keys::RepositoryKey target_key = TRY(keys.Current(transaction, KeyRefOf(target)));
  TRY(metadata::PutLink(transaction, ref, from.blob.digest, from.blob.file_id,
                        {target_key.id(), target_key.Wrap(data_key, WrapContextOf(from.blob))}, until));
  return own && own->archived ? ReturnLater(transaction, ref, from.blob.digest, from.blob.file_id, hold)
                              : Result<>();
}

Result<bool> PublishLayer(metadata::Store& store, blobs::BlobStore& files, keys::KeyRing& keys,
                          const Repository& repository, const NewFile& file, std::chrono::seconds hold,
                          const std::function<Result<>(WriteTransaction&)>& also) {
  const Result<Outcome> outcome = RunPublication(store, {files, keys, repository, file, hold}, also);
  if (outcome && *outcome == Outcome::kPublished) return false;
  // After a commit of unknown outcome the file may be published: the sweep of files without a row decides
  // later.
  if (!store.broken() && !file.blob.file.in_row())
    if (const Result<> removed = files.Remove(file.blob.file); !removed)
      log::Warning("a file that lost a race was not removed",
                   {{"file", file.blob.file.name()}, {"error", removed.error().ToString()}});
  if (!outcome) return Fail(outcome.error());
  return *outcome == Outcome::kAlreadyLinked;
}

Result<bool> MoveLink(WriteTransaction& transaction, keys::KeyRing& keys, std::int64_t registry,
                      const metadata::LinkRow& link) {
  const auto live =
      TRY(metadata::FindLiveBlob(transaction.session(), registry, link.blob.domain, link.blob.digest));
  if (!live) return false;
  const auto from = TRY(metadata::FindNamedLink(transaction.session(), registry, live->file_id));
  const auto name = TRY(metadata::FindRepositoryName(transaction.session(), {registry, link.repository}));
  const auto registry_name = TRY(metadata::FindRegistryName(transaction.session(), registry));
  if (!from || !name || !registry_name) return false;
  const keys::RepositoryRef source{registry, from->link.repository,
                                   RepositoryArn(*registry_name, from->repository_name)};
  const keys::RepositoryRef target{registry, link.repository, RepositoryArn(*registry_name, *name)};
  const keys::RepositoryKey source_key =
      TRY(keys.Load(transaction.session(), source, from->link.key.repository_key));
  const keys::DataKey data_key = TRY(source_key.Unwrap(from->link.key.bytes, WrapContextOf(from->link.blob)));
  const keys::RepositoryKey target_key = TRY(keys.Current(transaction, target));
  TRY(metadata::PutLink(transaction, {registry, link.repository}, link.blob.digest, live->file_id,
                        {target_key.id(), target_key.Wrap(data_key, WrapContextOf(*live))}, std::nullopt));
  transaction.Touch(LayerKey(RepositoryId(link.repository), link.blob.digest));
  return true;
}

}  // namespace entrepot::registry
