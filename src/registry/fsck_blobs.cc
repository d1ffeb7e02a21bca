// Stages of fsck.h that look at files and at blobs.

#include "blobs/layout.h"
#include "blobs/packing.h"
#include "blobs/reader.h"
#include "blobs/row_content.h"
#include "registry/caches.h"
#include "registry/fsck.h"
#include "registry/link_layer.h"
#include "registry/set_aside.h"

namespace entrepot::registry {
namespace {

using metadata::BlobRow;
using metadata::BlobState;
using metadata::FileRow;

constexpr int kPage = 64;

// What is wrong with a blob; "" = nothing.
struct Fault {
  std::string_view code;
  std::string detail;
};

// Content is not looked at without a key: whether keys open is the links' question.
Result<std::optional<blobs::BlobIdentity>> IdentityOf(FsckWork& work, const FileRow& file) {
  return work.store.Read([&](metadata::sql::Session& session) -> Result<std::optional<blobs::BlobIdentity>> {
    const auto named = TRY(metadata::FindNamedLink(session, file.registry, file.blob.file_id));
    if (!named) return std::nullopt;
    const auto data_key = DataKeyOf(session, work.keys, file.registry, named->link, named->repository_name);
    if (!data_key) return std::nullopt;
    return blobs::BlobIdentity{
        TRY(blobs::FileId::FromBytes(file.blob.file_id)), {file.registry, file.blob.domain}, *data_key};
  });
}

Result<Fault> ExamineRowContent(FsckWork& work, const FileRow& file,
                                const std::optional<blobs::BlobIdentity>& identity) {
  const auto stored = TRY(work.store.Read([&](metadata::sql::Session& session) {
    return metadata::FindRowContent(session, file.registry, file.blob.file_id);
  }));
  if (!stored) return Fault{"blob_missing", "the row has no content"};
  const blobs::Layout layout = TRY(blobs::Layout::Decode(file.blob.layout));
  if (stored->size() != static_cast<std::size_t>(file.blob.size) + blobs::TagLength(layout.suite))
    return Fault{"blob_wrong_length", std::to_string(stored->size()) + " bytes in the row"};
  if (!identity) return Fault{};
  const std::string content = TRY(blobs::OpenRowContent(*identity, file.blob.layout, *stored));
  if (Digest::Of(file.blob.digest.algorithm(), AsBytes(content)) != file.blob.digest)
    return Fault{"blob_wrong_content", "the digest differs"};
  return Fault{};
}

Result<Fault> ExamineFile(FsckWork& work, const FileRow& file, const blobs::FileId& id,
                          const std::optional<blobs::BlobIdentity>& identity) {
  blobs::BlobStore& files = work.tiers.Of(file.blob);
  const auto status = TRY(files.Status(id));
  if (!status) return Fault{"blob_missing", "no file " + id.path()};
  const blobs::Layout layout = TRY(blobs::Layout::Decode(file.blob.layout));
  const auto size = static_cast<std::uint64_t>(file.blob.stored_size());
  if (status->size != blobs::FileLength(layout.suite, size))
    return Fault{"blob_wrong_length", id.path() + " has " + std::to_string(status->size) + " bytes"};
  if (!identity) return Fault{};
  std::shared_ptr<blobs::File> opened = TRY(files.Open(id, blobs::Access::kRead));
  if (!opened) return Fault{"blob_missing", "no file " + id.path()};
  const auto reader = TRY(blobs::BlobReader::Open(std::move(opened), *identity, file.blob.layout, size));
  if (!work.options.read_blobs) return Fault{};
  const HashAlgorithm algorithm = file.blob.digest.algorithm();
  const Digest digest = file.blob.tier == metadata::BlobTier::kArchive
                            ? TRY(blobs::ComputeUnpackedDigest(*reader, algorithm))
                            : TRY(reader->ComputeDigest(algorithm));
  if (digest != file.blob.digest) return Fault{"blob_wrong_content", id.path() + ": the digest differs"};
  return Fault{};
}

Result<Fault> Examine(FsckWork& work, const FileRow& file) {
  const blobs::FileId id = TRY(blobs::FileId::FromBytes(file.blob.file_id));
  const auto identity = TRY(IdentityOf(work, file));
  const Result<Fault> fault =
      id.in_row() ? ExamineRowContent(work, file, identity) : ExamineFile(work, file, id, identity);
  if (fault) return fault;
  const std::string detail(fault.error().fact("detail"));
  if (fault.error().code() == ErrorCode::kDamaged) return Fault{"blob_damaged", detail};
  if (fault.error().code() == ErrorCode::kStorageFault) return Fault{"blob_unreadable", detail};
  return fault;  // the whole disk, or the database: no blob's fault
}

// The row may have changed since it was listed, and damage needs two failed reads (design-storage 1.11).
Result<Fault> ExamineTwice(FsckWork& work, const FileRow& file) {
  if (TRY(Examine(work, file)).code.empty()) return Fault{};
  const auto row = TRY(work.store.Read([&](metadata::sql::Session& session) {
    return metadata::FindBlob(session, file.registry, file.blob.file_id);
  }));
  if (!row || row->state != BlobState::kLive) return Fault{};
  return Examine(work, {file.registry, *row});
}

Result<> CheckBlob(FsckWork& work, const metadata::WalkedBlob& walked) {
  const FileRow& file = walked.file;
  const std::string subject = file.blob.digest.ToString();
  if (file.blob.state == BlobState::kDamaged && walked.linked)
    work.findings.push_back(
        {"blob_set_aside", subject, "damaged, and still linked: a push of it heals it", false});
  if (file.blob.state != BlobState::kLive) return {};
  if (!walked.linked && !walked.candidate) {
    if (work.options.repair)
      TRY(work.store.Write([&](metadata::WriteTransaction& transaction) {
        return metadata::AddCandidate(transaction, file.registry, file.blob.file_id);
      }));
    work.findings.push_back(
        {"blob_without_link", subject, "nothing would ever collect it", work.options.repair});
  }
  const Fault fault = TRY(ExamineTwice(work, file));
  if (fault.code.empty()) return {};
  const bool repairable = work.options.repair && fault.code != "blob_unreadable";
  const bool set_aside = repairable && TRY(SetAside(work.store, file.registry, file.blob.file_id));
  work.findings.push_back({fault.code, subject, fault.detail, set_aside});
  return {};
}

}  // namespace

Result<std::size_t> CheckBlobs(FsckWork& work) {
  const int page = work.options.read_blobs ? 4 : kPage;
  const auto walked = TRY(work.store.Read(
      [&](metadata::sql::Session& session) { return metadata::WalkBlobs(session, work.position, page); }));
  for (const metadata::WalkedBlob& blob : walked) TRY(CheckBlob(work, blob));
  if (!walked.empty()) work.position = {walked.back().file.registry, 0, walked.back().file.blob.file_id};
  return walked.size();
}

namespace {

// A directory a piece. Files of this boot may be on their way to their row.
Result<std::size_t> CheckFilesOf(FsckWork& work, blobs::BlobStore& store) {
  blobs::BlobStore::Listing listing = TRY(store.ListBefore(store.boot_epoch()));
  listing.StartAfter(AsText(work.position.key));
  const std::optional<std::vector<blobs::FileId>> files = TRY(listing.Next());
  if (!files) return 0;
  work.position.key = ToVector(AsBytes(listing.directory()));
  for (const blobs::FileId& file : *files) {
    const bool known = TRY(work.store.Read(
        [&](metadata::sql::Session& session) { return metadata::IsFileKnown(session, file.bytes()); }));
    if (!known)
      work.findings.push_back({"file_without_row", file.path(), "the sweep of orphans will take it", false});
  }
  return files->size() + 1;
}

}  // namespace

Result<std::size_t> CheckFiles(FsckWork& work) { return CheckFilesOf(work, work.tiers.hot); }
Result<std::size_t> CheckArchive(FsckWork& work) { return CheckFilesOf(work, work.tiers.archive); }

}  // namespace entrepot::registry
