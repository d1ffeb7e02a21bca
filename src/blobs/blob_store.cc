#include "blobs/blob_store.h"

#include <algorithm>
#include <cerrno>
#include <functional>

#include "base/check.h"
#include "base/crypto.h"
#include "base/log.h"
#include "blobs/big_endian.h"

namespace entrepot::blobs {
namespace {

constexpr std::string_view kRootIdName = "/root-id";

bool IsAbsent(const SystemError& error) { return error.number == ENOENT; }

Error WrongRoot(const std::string& root, const char* what) {
  return Error(ErrorCode::kConfiguration,
               "the blob directory " + root + ' ' + what +
                   ": is the right disk mounted there, and does it belong to this database?");
}

/// The id a root carries; empty when it carries none.
Result<std::string> ReadRootId(Files& files, const std::string& root) {
  const std::string path = root + std::string(kRootIdName);
  auto file = files.Open(path, Access::kRead);
  if (!file && IsAbsent(file.error())) return std::string();
  if (!file) return Fail(ToError(file.error(), path));
  std::array<std::uint8_t, 64> text;
  const std::size_t length = TRY(Lift(ReadFully(**file, 0, text), path));
  return std::string(AsText(Bytes(text).first(length)));
}

}  // namespace

BlobStore::BlobStore(Files& files, std::string root, std::string store_id, std::uint32_t boot_epoch)
    : files_(files),
      root_(std::move(root)),
      store_id_(std::move(store_id)),
      boot_epoch_(boot_epoch),
      syncs_(files) {}

Result<std::unique_ptr<BlobStore>> BlobStore::Open(Files& files, std::string root, std::string store_id,
                                                   std::uint32_t boot_epoch, RootPolicy policy) {
  std::unique_ptr<BlobStore> store(new BlobStore(files, std::move(root), std::move(store_id), boot_epoch));
  TRY(store->Establish(policy));
  return store;
}

Result<> BlobStore::Establish(RootPolicy policy) {
  std::string found = TRY(ReadRootId(files_, root_));
  if (found.empty() && policy == RootPolicy::kMayCreate) {
    TRY(WriteRootId());
    found = TRY(ReadRootId(files_, root_));
  }
  if (found.empty()) return Fail(WrongRoot(root_, "is missing or empty"));
  if (found != store_id_) return Fail(WrongRoot(root_, "belongs to another store"));
  return {};
}

Result<> BlobStore::WriteRootId() {
  auto made = files_.MakeDirectory(root_);
  if (!made && made.error().number != EEXIST) return Fail(ToError(made.error(), root_));
  for (const std::string& name : TRY(Lift(files_.List(root_), root_)))
    if ('/' + name != kRootIdName) return Fail(WrongRoot(root_, "is not empty and carries no root-id"));

  const std::string path = root_ + std::string(kRootIdName);
  auto removed = files_.Unlink(path);  // an empty one that a crash left
  if (!removed && !IsAbsent(removed.error())) return Fail(ToError(removed.error(), path));
  const std::unique_ptr<File> file = TRY(Lift(files_.Create(path), path));
  TRY(Lift(WriteFully(*file, 0, AsBytes(store_id_)), path));
  TRY(Lift(file->Sync(), path));
  TRY(Lift(files_.SyncDirectory(root_), root_));
  const std::string parent = root_.substr(0, root_.find_last_of('/') + 1);
  return Lift(files_.SyncDirectory(parent.empty() ? "." : parent), parent);
}

Result<> BlobStore::RequireRoom() const {
  if (refuse_new_) return Fail(ErrorCode::kStorageFull, "the disk of " + root_ + " is full");
  return {};
}

Result<BlobStore::NewFile> BlobStore::Create() {
  TRY(RequireRoom());
  const FileId id = FileId::New(boot_epoch_, TRY(TakePlace()));
  const std::string path = PathOf(id);
  auto file = files_.Create(path);
  if (!file) {
    LeaveDirectory(id.directory());
    if (IsAbsent(file.error())) TRY(CheckRoot());
    return Fail(ToError(file.error(), path));
  }
  return NewFile{id, *std::move(file)};
}

Result<std::uint32_t> BlobStore::TakePlace() {
  std::lock_guard lock(mutex_);
  if (!current_ || current_->files >= kFilesInDirectory) {
    TRY(CheckRoot());
    std::uint32_t number;
    do number = GetBigEndian<std::uint32_t>(RandomBytes(4).data());
    while (number == 0);  // file_id.h: 0 is no directory
    const std::string path = root_ + '/' + DirectoryName(boot_epoch_, number);
    current_.reset();
    TRY(Lift(files_.MakeDirectory(path), path));
    TRY(Lift(files_.SyncDirectory(root_), root_));
    current_ = Directory{number};
  }
  ++current_->files;
  return current_->number;
}

void BlobStore::LeaveDirectory(std::string_view directory) {
  std::lock_guard lock(mutex_);
  if (current_ && DirectoryName(boot_epoch_, current_->number) == directory) current_.reset();
}

Result<> BlobStore::SyncEntry(const FileId& id) {
  const std::string directory = id.directory();
  const std::string path = root_ + '/' + directory;
  const SystemResult<> synced = syncs_.Sync(path);
  if (synced) return {};
  LeaveDirectory(directory);
  return Fail(ToError(synced.error(), path));
}

Result<> BlobStore::SyncRemoval(const FileId& id) {
  const std::string path = root_ + '/' + id.directory();
  const SystemResult<> synced = syncs_.Sync(path);
  if (synced) return {};
  if (!IsAbsent(synced.error())) return Fail(ToError(synced.error(), path));
  TRY(CheckRoot());
  return Lift(files_.SyncDirectory(root_), root_);
}

Result<std::shared_ptr<File>> BlobStore::Open(const FileId& id, Access access) {
  const std::string path = PathOf(id);
  auto file = files_.Open(path, access);
  if (file) return std::shared_ptr<File>(*std::move(file));
  if (!IsAbsent(file.error())) return Fail(ToError(file.error(), path));
  TRY(CheckRoot());
  return std::shared_ptr<File>();
}

Result<std::optional<FileStatus>> BlobStore::Status(const FileId& id) {
  const std::string path = PathOf(id);
  const auto status = files_.Status(path);
  if (status) return *status;
  if (!IsAbsent(status.error())) return Fail(ToError(status.error(), path));
  TRY(CheckRoot());
  return std::nullopt;
}

Result<> BlobStore::Remove(const FileId& id) {
  const std::string path = PathOf(id);
  const auto removed = files_.Unlink(path);
  if (removed) return {};
  if (!IsAbsent(removed.error())) return Fail(ToError(removed.error(), path));
  return CheckRoot();
}

Result<> BlobStore::CheckRoot() {
  const std::string found = TRY(ReadRootId(files_, root_));
  if (found != store_id_)
    return Fail(ErrorCode::kUnavailable, "the blob directory " + root_ + " is not this store's");
  return {};
}

Result<DiskSpace> BlobStore::Space() { return Lift(files_.Space(root_), root_); }

Result<BlobStore::Listing> BlobStore::ListBefore(std::uint32_t epoch) {
  TRY(CheckRoot());
  Listing listing;
  listing.store_ = this;
  for (std::string& name : TRY(Lift(files_.List(root_), root_))) {
    const auto found = DirectoryEpoch(name);
    if (found && *found < epoch) listing.directories_.push_back(std::move(name));
  }
  std::ranges::sort(listing.directories_, std::greater());
  return listing;
}

void BlobStore::Listing::StartAfter(std::string_view directory) {
  while (!directories_.empty() && directories_.back() <= directory) directories_.pop_back();
}

Result<std::optional<std::vector<FileId>>> BlobStore::Listing::Next() {
  if (directories_.empty()) return std::nullopt;
  const std::string& name = directory_ = std::move(directories_.back());
  directories_.pop_back();

  const std::string path = store_->root_ + '/' + name;
  const std::vector<std::string> names = TRY(Lift(store_->files_.List(path), path));
  std::vector<FileId> ids;
  for (const std::string& file : names) {
    const auto id = FileId::FromName(file);
    if (id && id->directory() == name)
      ids.push_back(*id);
    else
      log::Warning("a file that is none of ours lies among the blobs", {{"directory", path}, {"name", file}});
  }
  if (names.empty()) (void)store_->files_.RemoveDirectory(path);  // it stays if a crash kept a file in it
  return ids;
}

}  // namespace entrepot::blobs
