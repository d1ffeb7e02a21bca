// The stage of fsck.h that looks at links.

#include "metadata/images.h"
#include "registry/caches.h"
#include "registry/fsck.h"
#include "registry/link_layer.h"

namespace entrepot::registry {
namespace {

using metadata::WalkedLink;
using metadata::WriteTransaction;

constexpr int kPage = 64;

// A link is held for ever exactly while an image refers to it. Judged again where it is written.
Result<bool> MendHold(FsckWork& work, const WalkedLink& walked) {
  if (!work.options.repair) return false;
  TRY(work.store.Write([&](WriteTransaction& transaction) -> Result<> {
    transaction.Touch(LayerKey(RepositoryId(walked.ref.repository), walked.digest));
    if (TRY(metadata::IsLayerReferenced(transaction.session(), walked.ref, walked.digest)))
      return metadata::ReferLink(transaction, walked.ref, walked.digest, walked.link->media_type);
    return metadata::ReleaseLink(transaction, walked.ref, walked.digest,
                                 transaction.store_time() + work.grace.hold());
  }));
  return true;
}

// Only what cannot be read at once lies in the archive. Images that need it are found by the images' stage.
Result<bool> MendMark(FsckWork& work, const WalkedLink& walked) {
  if (!work.options.repair) return false;
  return work.store.Write([&](WriteTransaction& transaction) -> Result<bool> {
    transaction.Touch(LayerKey(RepositoryId(walked.ref.repository), walked.digest));
    const auto link = TRY(metadata::FindLink(transaction.session(), walked.ref, walked.digest));
    if (!link || link->blob.tier != metadata::BlobTier::kArchive) return false;
    return metadata::SetLinkArchived(transaction, walked.ref, walked.digest, true);
  });
}

struct WrongLinks {
  std::vector<const WalkedLink*> holds, marks;
};

Result<> CheckLink(FsckWork& work, metadata::sql::Session& session, const WalkedLink& walked,
                   WrongLinks& wrong) {
  const std::string subject = NameOf(session, walked.ref) + "@" + walked.digest.ToString();
  const auto found = [&](std::string_view code, std::string detail) {
    work.findings.push_back({code, subject, std::move(detail), false});
  };
  if (walked.owner == metadata::Owner::kDeleted) return {};
  if (walked.owner == metadata::Owner::kNone) return found("link_of_no_repository", ""), Result<>();
  if (!walked.link) return found("link_without_blob", ""), Result<>();
  if (walked.link->blob.digest != walked.digest)
    found("link_to_other_content", walked.link->blob.digest.ToString());
  const auto data_key =
      DataKeyOf(session, work.keys, walked.ref.registry, *walked.link, walked.repository_name);
  if (!data_key && data_key.error().code() == ErrorCode::kKeyFailure)
    found("wrap_does_not_open", std::string(data_key.error().fact("detail")));
  else if (!data_key)
    return Fail(data_key.error());
  if (walked.held == walked.referenced) wrong.holds.push_back(&walked);
  const bool in_archive = walked.link->blob.tier == metadata::BlobTier::kArchive;
  if (in_archive && !walked.link->archived) wrong.marks.push_back(&walked);
  return {};
}

}  // namespace

Result<std::size_t> CheckLinks(FsckWork& work) {
  std::vector<WalkedLink> walked;
  WrongLinks wrong;
  TRY(work.store.Read([&](metadata::sql::Session& session) -> Result<> {
    walked = TRY(metadata::WalkLinks(session, work.position, kPage));
    for (const WalkedLink& link : walked) TRY(CheckLink(work, session, link, wrong));
    return {};
  }));
  for (const WalkedLink* link : wrong.marks) {
    const bool mended = TRY(MendMark(work, *link));
    work.findings.push_back({"link_to_the_archive_is_not_marked",
                             link->repository_name + "@" + link->digest.ToString(), "", mended});
  }
  for (const WalkedLink* link : wrong.holds) {
    const bool mended = TRY(MendHold(work, *link));
    work.findings.push_back({link->held ? "needed_link_may_be_collected" : "link_held_for_ever",
                             link->repository_name + "@" + link->digest.ToString(), "", mended});
  }
  if (!walked.empty()) {
    const WalkedLink& last = walked.back();
    work.position = {last.ref.registry, last.ref.repository, last.digest.ToStored()};
  }
  return walked.size();
}

}  // namespace entrepot::registry
