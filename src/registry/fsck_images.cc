// Stages of fsck.h that look at manifests, their reference rows and tags.

#include <algorithm>
#include <set>
#include <tuple>

#include "metadata/storage_class.h"
#include "registry/caches.h"
#include "registry/fsck.h"
#include "registry/layers_elsewhere.h"
#include "registry/manifest.h"
#include "registry/storage_class.h"

namespace entrepot::registry {
namespace {

using metadata::RepositoryRef;
using metadata::WalkedManifest;
using metadata::WriteTransaction;
// Child, kind, and whether its parent is archived.
using ReferenceSet = std::set<std::tuple<Digest, int, bool>>;

constexpr int kPage = 64, kManifestPage = 16;

bool HasRow(const ReferenceSet& stored, const Reference& reference) {
  return std::ranges::any_of(stored, [&](const auto& row) {
    return std::get<Digest>(row) == reference.digest &&
           std::get<int>(row) == static_cast<int>(reference.kind);
  });
}

// Layers that need not be here are stated where there is a row for them.
ReferenceSet StatedIn(const Manifest& manifest, ImageStatus status, const ReferenceSet& stored) {
  ReferenceSet set;
  for (const Reference& reference : manifest.references)
    if (!reference.elsewhere || HasRow(stored, reference))
      set.emplace(reference.digest, static_cast<int>(reference.kind), status == ImageStatus::kArchived);
  return set;
}

Result<ReferenceSet> StoredOf(metadata::sql::Session& session, RepositoryRef ref, const Digest& digest) {
  ReferenceSet set;
  for (const metadata::ReferenceRow& row : TRY(metadata::ReferencesOf(session, ref, digest)))
    set.emplace(row.child, row.kind, TRY(metadata::IsReferenceArchived(session, ref, digest, row)));
  return set;
}

Result<bool> IsThere(metadata::sql::Session& session, RepositoryRef ref, const Digest& child,
                     ReferenceKind kind) {
  if (kind == ReferenceKind::kManifest) return TRY(metadata::FindManifest(session, ref, child)).has_value();
  const auto link = TRY(metadata::FindLink(session, ref, child));
  return link && link->blob.state == metadata::BlobState::kLive;
}

// The rows as the manifest's bytes have them; what they keep is judged by the links' stage, which comes
// later.
Result<bool> RewriteReferences(FsckWork& work, const WalkedManifest& walked, const ReferenceSet& stated) {
  if (!work.options.repair) return false;
  return work.store.Write([&](WriteTransaction& transaction) -> Result<bool> {
    if (!TRY(metadata::FindManifest(transaction.session(), walked.ref, walked.row.digest))) return false;
    TRY(metadata::DeleteReferencesOf(transaction, walked.ref, walked.row.digest));
    for (const auto& [child, kind, archived] : stated) {
      TRY(metadata::InsertReference(transaction, walked.ref, walked.row.digest, {child, kind}));
      transaction.Touch(LayerKey(RepositoryId(walked.ref.repository), child));
    }
    TRY(metadata::SetReferencesArchived(transaction, walked.ref, walked.row.digest,
                                        walked.row.status == ImageStatus::kArchived));
    return true;
  });
}

struct WrongReferences {
  const WalkedManifest* manifest;
  std::string subject;
  ReferenceSet stated;
};

// Whether everything that an active image names can be read.
Result<bool> IsAtHand(metadata::sql::Session& session, RepositoryRef ref, const ReferenceSet& stated) {
  for (const auto& [child, kind, archived] : stated) {
    if (!IsLayer(ReferenceKind(kind))) continue;
    const auto link = TRY(metadata::FindLink(session, ref, child));
    if (link && (link->archived || link->blob.tier == metadata::BlobTier::kArchive)) return false;
  }
  return true;
}

// The archivist brings its layers back, and then it is active again.
Result<bool> ActivateAnew(FsckWork& work, const WalkedManifest& walked) {
  if (!work.options.repair) return false;
  return work.store.Write([&](WriteTransaction& transaction) -> Result<bool> {
    const auto image = TRY(metadata::FindManifest(transaction.session(), walked.ref, walked.row.digest));
    if (!image || image->status != ImageStatus::kActive) return false;
    TRY(BeginActivation(transaction, walked.ref, walked.row.digest));
    transaction.Touch(ManifestKey(RepositoryId(walked.ref.repository), walked.row.digest));
    return true;
  });
}

// Layers that need not be here and are, which nothing holds: they were pushed behind their manifest, or
// before such layers were held at all. An archived image needs none of them at hand.
Result<std::vector<Digest>> UnheldOf(metadata::sql::Session& session, const WalkedManifest& walked,
                                     const Manifest& manifest, const ReferenceSet& stored) {
  std::vector<Digest> unheld;
  if (walked.row.status != ImageStatus::kActive) return unheld;
  for (const Reference& reference : manifest.references) {
    if (!reference.elsewhere || HasRow(stored, reference)) continue;
    const auto link = TRY(metadata::FindLink(session, walked.ref, reference.digest));
    if (link && link->blob.hot()) unheld.push_back(reference.digest);
  }
  return unheld;
}

struct UnheldLayers {
  const WalkedManifest* manifest;
  std::string subject;
  std::vector<Digest> layers;
};

// False when the image is gone, or was archived, since it was looked at.
Result<bool> HoldLayers(FsckWork& work, const WalkedManifest& walked) {
  if (!work.options.repair) return false;
  const Manifest manifest = TRY(ParseManifest(walked.content, walked.row.media_type));
  return work.store.Write([&](WriteTransaction& transaction) -> Result<bool> {
    const auto image = TRY(metadata::FindManifest(transaction.session(), walked.ref, walked.row.digest));
    if (!image || image->status != ImageStatus::kActive) return false;
    TRY(ReferLayersElsewhere(transaction, walked.ref, walked.row.digest, manifest));
    return true;
  });
}

// What a page of manifests found, to be mended outside of its read.
struct WrongImages {
  std::vector<WrongReferences> references;
  std::vector<UnheldLayers> unheld;
  std::vector<std::pair<const WalkedManifest*, std::string>> out_of_reach;
};

Result<> CheckImage(FsckWork& work, metadata::sql::Session& session, const WalkedManifest& walked,
                    WrongImages& wrong) {
  if (walked.owner == metadata::Owner::kDeleted) return {};
  const std::string subject = NameOf(session, walked.ref) + "@" + walked.row.digest.ToString();
  const auto found = [&](std::string_view code, std::string detail) {
    work.findings.push_back({code, subject, std::move(detail), false});
  };
  if (walked.owner == metadata::Owner::kNone) return found("image_of_no_repository", ""), Result<>();
  if (Digest::Of(walked.row.digest.algorithm(), AsBytes(walked.content)) != walked.row.digest)
    return found("manifest_wrong_content", "the digest differs"), Result<>();
  if (walked.row.size != static_cast<std::int64_t>(walked.content.size()))
    found("manifest_wrong_length", std::to_string(walked.row.size));
  const Result<Manifest> manifest = ParseManifest(walked.content, walked.row.media_type);
  if (!manifest)
    return found("manifest_unreadable", std::string(manifest.error().fact("detail"))), Result<>();
  if (manifest->subject != walked.row.subject) found("manifest_wrong_subject", "");
  const ReferenceSet stored = TRY(StoredOf(session, walked.ref, walked.row.digest));
  ReferenceSet stated = StatedIn(*manifest, walked.row.status, stored);
  for (const auto& [child, kind, archived] : stated) {
    const auto reference = static_cast<ReferenceKind>(kind);
    if (reference == ReferenceKind::kSubject || TRY(IsThere(session, walked.ref, child, reference))) continue;
    found(reference == ReferenceKind::kManifest ? "index_lacks_image" : "image_lacks_layer",
          child.ToString());
  }
  if (walked.row.status == ImageStatus::kActive && !TRY(IsAtHand(session, walked.ref, stated)))
    wrong.out_of_reach.emplace_back(&walked, subject);
  if (auto unheld = TRY(UnheldOf(session, walked, *manifest, stored)); !unheld.empty())
    wrong.unheld.push_back({&walked, subject, std::move(unheld)});
  if (stored != stated) wrong.references.push_back({&walked, subject, std::move(stated)});
  return {};
}

}  // namespace

Result<std::size_t> CheckImages(FsckWork& work) {
  std::vector<WalkedManifest> walked;
  WrongImages wrong;
  TRY(work.store.Read([&](metadata::sql::Session& session) -> Result<> {
    walked = TRY(metadata::WalkManifests(session, work.position, kManifestPage));
    for (const WalkedManifest& manifest : walked) TRY(CheckImage(work, session, manifest, wrong));
    return {};
  }));
  for (const auto& [manifest, subject] : wrong.out_of_reach) {
    const bool mended = TRY(ActivateAnew(work, *manifest));
    work.findings.push_back({"active_image_has_archived_layer", subject, "", mended});
  }
  for (const WrongReferences& image : wrong.references) {
    const bool mended = TRY(RewriteReferences(work, *image.manifest, image.stated));
    work.findings.push_back({"references_differ_from_manifest", image.subject, "", mended});
  }
  for (const UnheldLayers& image : wrong.unheld) {
    const bool mended = TRY(HoldLayers(work, *image.manifest));
    for (const Digest& layer : image.layers)
      work.findings.push_back({"layer_without_reference", image.subject, layer.ToString(), mended});
  }
  if (!walked.empty()) {
    const WalkedManifest& last = walked.back();
    work.position = {last.ref.registry, last.ref.repository, last.row.digest.ToStored()};
  }
  return walked.size();
}

Result<std::size_t> CheckParents(FsckWork& work) {
  std::vector<metadata::WalkedParent> walked;
  std::vector<std::pair<const metadata::WalkedParent*, std::string>> ghosts;
  TRY(work.store.Read([&](metadata::sql::Session& session) -> Result<> {
    walked = TRY(metadata::WalkParents(session, work.position, kPage));
    for (const metadata::WalkedParent& parent : walked)
      if (!parent.has_image && parent.owner != metadata::Owner::kDeleted)
        ghosts.emplace_back(&parent, NameOf(session, parent.ref) + "@" + parent.parent.ToString());
    return {};
  }));
  for (const auto& [parent, subject] : ghosts) {
    if (work.options.repair)
      TRY(work.store.Write([&](WriteTransaction& transaction) -> Result<> {
        if (TRY(metadata::FindManifest(transaction.session(), parent->ref, parent->parent))) return {};
        return metadata::DeleteReferencesOf(transaction, parent->ref, parent->parent);
      }));
    work.findings.push_back(
        {"references_without_image", subject, "they hold layers for nobody", work.options.repair});
  }
  if (!walked.empty()) {
    const metadata::WalkedParent& last = walked.back();
    work.position = {last.ref.registry, last.ref.repository, last.parent.ToStored()};
  }
  return walked.size();
}

Result<std::size_t> CheckTags(FsckWork& work) {
  std::vector<metadata::WalkedTag> walked;
  TRY(work.store.Read([&](metadata::sql::Session& session) -> Result<> {
    walked = TRY(metadata::WalkTags(session, work.position, kPage));
    for (const metadata::WalkedTag& tag : walked)
      if (!tag.has_image && tag.owner != metadata::Owner::kDeleted)
        work.findings.push_back({"tag_without_image", NameOf(session, tag.ref) + ":" + tag.tag, "", false});
    return {};
  }));
  if (!walked.empty()) {
    const metadata::WalkedTag& last = walked.back();
    work.position = {last.ref.registry, last.ref.repository, ToVector(AsBytes(last.tag))};
  }
  return walked.size();
}

}  // namespace entrepot::registry
