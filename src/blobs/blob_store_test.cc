#include "blobs/blob_store.h"

#include <cerrno>
#include <condition_variable>
#include <set>
#include <thread>

#include "blobs/faulty_files.h"
#include "blobs/test_support.h"

namespace entrepot::blobs {
namespace {

class BlobStoreTest : public testing::Test {
 protected:
  Result<std::unique_ptr<BlobStore>> TryOpen(RootPolicy policy, const char* id = kStoreId) {
    return BlobStore::Open(files_, directory_ / "blobs", id, 1, policy);
  }

  TemporaryDirectory directory_;
  PosixFiles files_;
};

TEST_F(BlobStoreTest, ARootIsMadeOnceAndBelongsToItsStore) {
  EXPECT_EQ(TryOpen(RootPolicy::kMustExist).error().code(), ErrorCode::kConfiguration);
  ASSERT_TRUE(TryOpen(RootPolicy::kMayCreate));
  EXPECT_TRUE(TryOpen(RootPolicy::kMustExist));
  EXPECT_EQ(TryOpen(RootPolicy::kMayCreate, "another").error().code(), ErrorCode::kConfiguration);
}

TEST_F(BlobStoreTest, ADirectoryWithOtherThingsIsNotTaken) {
  std::filesystem::create_directories(directory_ / "blobs/precious");
  EXPECT_EQ(TryOpen(RootPolicy::kMayCreate).error().code(), ErrorCode::kConfiguration);
}

TEST_F(BlobStoreTest, OnTheWrongDiskNothingIsAbsent) {
  const auto store = OpenStore(files_, directory_);
  const FileId id = store->Create().value().id;
  const FileId other = FileId::New(1, 2);
  EXPECT_EQ(store->Open(other, Access::kRead).value(), nullptr);
  EXPECT_FALSE(store->Status(other).value().has_value());

  std::filesystem::rename(directory_ / "blobs", directory_ / "away");
  EXPECT_EQ(store->Open(id, Access::kRead).error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(store->Status(id).error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(store->Remove(id).error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(store->ListBefore(9).error().code(), ErrorCode::kUnavailable);
  EXPECT_FALSE(store->Create());

  std::filesystem::create_directory(directory_ / "blobs");  // an empty mount point
  EXPECT_EQ(store->Open(id, Access::kRead).error().code(), ErrorCode::kUnavailable);
  EXPECT_FALSE(store->Create());
  std::filesystem::remove(directory_ / "blobs");
  std::filesystem::rename(directory_ / "away", directory_ / "blobs");
  EXPECT_NE(store->Open(id, Access::kRead).value(), nullptr);
  EXPECT_TRUE(store->Create());
}

TEST_F(BlobStoreTest, OnlyENOENTMeansAbsent) {
  FaultyFiles faulty;
  const auto store = OpenStore(faulty, directory_);
  const FileId id = store->Create().value().id;
  for (const int error : {EIO, EACCES, EMFILE}) {
    faulty.FailAt(FaultyFiles::Call::kOpen, 1, error);
    EXPECT_EQ(store->Open(id, Access::kRead).error().code(), ErrorCode::kStorageFault);
    faulty.FailAt(FaultyFiles::Call::kStatus, 1, error);
    EXPECT_EQ(store->Status(id).error().code(), ErrorCode::kStorageFault);
    faulty.FailAt(FaultyFiles::Call::kUnlink, 1, error);
    EXPECT_EQ(store->Remove(id).error().code(), ErrorCode::kStorageFault);
  }
  faulty.FailAt(FaultyFiles::Call::kCreate, 1, ENOSPC);
  EXPECT_EQ(store->Create().error().code(), ErrorCode::kStorageFull);
}

// design-storage 1.1: a name is never used again, whatever chose it.
TEST_F(BlobStoreTest, AFilesNameIsTakenOnce) {
  const std::string path = directory_ / "name";
  const auto first = files_.Create(path);
  ASSERT_TRUE(first);
  ASSERT_TRUE(WriteFully(**first, 0, AsBytes("content")));
  const auto second = files_.Create(path);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().number, EEXIST);
  EXPECT_EQ(files_.Status(path).value().size, 7u);
}

TEST_F(BlobStoreTest, RemovingTwiceIsNoError) {
  const auto store = OpenStore(files_, directory_);
  const FileId id = store->Create().value().id;
  EXPECT_TRUE(store->Remove(id));
  EXPECT_TRUE(store->Remove(id));
  EXPECT_TRUE(store->SyncEntry(id));
}

TEST_F(BlobStoreTest, DirectoriesRollAndEveryBootHasItsOwn) {
  const auto store = OpenStore(files_, directory_);
  std::set<std::string> directories;
  for (int i = 0; i < BlobStore::kFilesInDirectory; ++i)
    directories.insert(store->Create().value().id.directory());
  EXPECT_EQ(directories.size(), 1u);
  directories.insert(store->Create().value().id.directory());
  EXPECT_EQ(directories.size(), 2u);
  const auto next_boot = OpenStore(files_, directory_, 2, RootPolicy::kMustExist);
  EXPECT_EQ(next_boot->Create().value().id.boot_epoch(), 2u);
}

TEST_F(BlobStoreTest, ListingShowsEarlierBootsOnlyAndClearsEmptyDirectories) {
  std::set<FileId> expected;
  FileId emptied = FileId::New(0, 1);
  {
    const auto first = OpenStore(files_, directory_, 1);
    for (int i = 0; i < 3; ++i) expected.insert(first->Create().value().id);
    const auto second = OpenStore(files_, directory_, 2);
    expected.insert(second->Create().value().id);
    emptied = OpenStore(files_, directory_, 2)->Create().value().id;
    ASSERT_TRUE(second->Remove(emptied));
  }
  const auto third = OpenStore(files_, directory_, 3);
  ASSERT_TRUE(third->Create());
  ASSERT_TRUE(files_.Create(directory_ / ("blobs/" + expected.begin()->directory() + "/notes.txt")));

  std::set<FileId> found;
  auto listing = third->ListBefore(3).value();
  while (const auto ids = listing.Next().value()) found.insert(ids->begin(), ids->end());
  EXPECT_EQ(found, expected);
  EXPECT_FALSE(std::filesystem::exists(directory_ / ("blobs/" + emptied.directory())));
}

TEST_F(BlobStoreTest, AFailedDirectorySyncOpensANewDirectory) {
  FaultyFiles faulty;
  const auto store = OpenStore(faulty, directory_);
  const FileId id = store->Create().value().id;
  faulty.FailAt(FaultyFiles::Call::kSyncDirectory, 1, EIO);
  EXPECT_EQ(store->SyncEntry(id).error().code(), ErrorCode::kStorageFault);
  EXPECT_NE(store->Create().value().id.directory(), id.directory());
}

TEST_F(BlobStoreTest, ManyThreadsCreateDistinctFiles) {
  const auto store = OpenStore(files_, directory_);
  std::mutex mutex;
  std::set<FileId> ids;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 50; ++i) {
        const auto created = store->Create();
        ASSERT_TRUE(created);
        ASSERT_TRUE(created->file->Sync());
        ASSERT_TRUE(store->SyncEntry(created->id));
        const std::lock_guard lock(mutex);
        ids.insert(created->id);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ids.size(), 200u);
}

/// Directory syncs that wait to be told to end.
class HeldSyncs final : public Files {
 public:
  SystemResult<> SyncDirectory(const std::string&) override {
    std::unique_lock lock(mutex_);
    ++begun_;
    changed_.notify_all();
    changed_.wait(lock, [&, mine = begun_] { return allowed_ >= mine; });
    if (begun_ == failing_) return std::unexpected(SystemError{EIO, "fsync"});
    return {};
  }
  void Allow(int count) {
    const std::lock_guard lock(mutex_);
    allowed_ = count;
    changed_.notify_all();
  }
  void AwaitBegun(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return begun_ >= count; });
  }
  void Fail(int number) { failing_ = number; }
  int begun() {
    const std::lock_guard lock(mutex_);
    return begun_;
  }

  SystemResult<std::unique_ptr<File>> Create(const std::string&) override { std::abort(); }
  SystemResult<std::unique_ptr<File>> Open(const std::string&, Access) override { std::abort(); }
  SystemResult<> Unlink(const std::string&) override { std::abort(); }
  SystemResult<> MakeDirectory(const std::string&) override { std::abort(); }
  SystemResult<> RemoveDirectory(const std::string&) override { std::abort(); }
  SystemResult<std::vector<std::string>> List(const std::string&) override { std::abort(); }
  SystemResult<FileStatus> Status(const std::string&) override { std::abort(); }
  SystemResult<DiskSpace> Space(const std::string&) override { std::abort(); }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int begun_ = 0, allowed_ = 0, failing_ = 0;
};

class DirectorySyncsTest : public testing::Test {
 protected:
  /// One thread is in a sync; `count` more have asked since.
  void Gather(int count) {
    threads_.emplace_back([&] { outcomes_[0] = syncs_.Sync("d").has_value(); });
    files_.AwaitBegun(1);
    for (int i = 1; i <= count; ++i)
      threads_.emplace_back(
          [&, i] { outcomes_[static_cast<std::size_t>(i)] = syncs_.Sync("d").has_value(); });
    while (syncs_.waiting("d") < count + 1) std::this_thread::yield();
  }
  void Join() {
    for (std::thread& thread : threads_) thread.join();
  }

  HeldSyncs files_;
  DirectorySyncs syncs_{files_};
  std::array<std::atomic<bool>, 9> outcomes_{};
  std::vector<std::thread> threads_;
};

TEST_F(DirectorySyncsTest, WhoComesDuringASyncSharesTheNext) {
  Gather(8);
  files_.Allow(2);
  Join();
  EXPECT_EQ(files_.begun(), 2);
  for (const auto& outcome : outcomes_) EXPECT_TRUE(outcome);
}

TEST_F(DirectorySyncsTest, AFailureReachesAllWhoSharedIt) {
  files_.Fail(2);
  Gather(8);
  files_.Allow(2);
  Join();
  EXPECT_TRUE(outcomes_[0]);
  for (std::size_t i = 1; i < outcomes_.size(); ++i) EXPECT_FALSE(outcomes_[i]);
}

}  // namespace
}  // namespace entrepot::blobs
