// The bytes of archived images really move, both ways, and nothing is lost on the way.

#include "registry/blob_mover.h"

#include <fstream>

#include <gmock/gmock.h>

#include "base/crypto.h"
#include "blobs/faulty_files.h"
#include "metadata/store_walk.h"
#include "registry/storage_class.h"
#include "registry/test_registry.h"

namespace entrepot::registry {
namespace {

using std::chrono::hours;

class BlobMoverTest : public RegistryTest {
 protected:
  Digest PushImage(const Repository& in, const std::string& layer, const std::string& tag = "v1") {
    return Must(registry->PushImage(in, "config", {layer}, tag)).digest;
  }
  void Archive(const Repository& in, const Digest& image) {
    Must(registry->storage_classes->Update(in, {image, std::nullopt}, StorageClass::kArchive));
  }
  void Activate(const Repository& in, const Digest& image) {
    Must(registry->storage_classes->Update(in, {image, std::nullopt}, StorageClass::kStandard));
  }
  void Settle() {
    registry->RunArchivist();
    registry->CollectAll();
    registry->RunArchivist();
    registry->CollectAll();
  }
  ImageStatus StatusOf(const Repository& in, const Digest& image) {
    return Must(registry->images->Describe(in, {image, std::nullopt})).status;
  }
  std::string Pull(const Repository& in, const std::string& layer) {
    return Must(registry->Pull(in, TestRegistry::DigestOf(layer)));
  }
  metadata::LinkRow LinkOf(const Repository& in, const std::string& layer) {
    return *Must(registry->store->Read([&](metadata::sql::Session& session) {
      return metadata::FindLink(session, RefOf(in), TestRegistry::DigestOf(layer));
    }));
  }
  std::vector<std::string> Findings(bool repair = false) {
    std::vector<std::string> codes;
    FsckStep step;
    do {
      step = Must(registry->fsck->Step({.repair = repair, .read_blobs = true}));
      for (const FsckFinding& finding : step.findings) codes.emplace_back(finding.code);
    } while (!step.done);
    return codes;
  }
  std::uintmax_t BytesIn(const std::string& tier) {
    std::uintmax_t bytes = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory.File(tier)))
      if (entry.is_regular_file()) bytes += entry.file_size();
    return bytes;
  }

  const std::string layer_ = std::string(3'000'000, 'l');
  RepositoryPtr app_ = registry->Create("team/app"), other_ = registry->Create("team/other");
};

TEST_F(BlobMoverTest, ThereAndBack) {
  const Digest image = PushImage(*app_, layer_);
  const metadata::LinkRow before = LinkOf(*app_, layer_);
  Archive(*app_, image);
  Settle();
  EXPECT_EQ(FilesOnDisk("blobs"), 0);
  EXPECT_EQ(FilesOnDisk("archive"), 1);
  EXPECT_LT(BytesIn("archive"), 50'000u);  // it was packed
  const metadata::LinkRow archived = LinkOf(*app_, layer_);
  EXPECT_NE(archived.blob.file_id, before.blob.file_id);
  EXPECT_NE(archived.blob.layout, before.blob.layout);
  EXPECT_EQ(archived.blob.size, 3'000'000);
  EXPECT_THAT(Findings(), testing::IsEmpty());

  Activate(*app_, image);
  Settle();
  EXPECT_EQ(StatusOf(*app_, image), ImageStatus::kActive);
  EXPECT_EQ(Pull(*app_, layer_), layer_);
  EXPECT_EQ(FilesOnDisk("blobs"), 1);
  EXPECT_EQ(FilesOnDisk("archive"), 0);
  EXPECT_NE(LinkOf(*app_, layer_).blob.file_id, before.blob.file_id);
  EXPECT_THAT(Findings(), testing::IsEmpty());
}

TEST_F(BlobMoverTest, WhatCannotBePackedComesBackToo) {
  const ByteVector random = RandomBytes(2'500'000);
  const std::string layer(random.begin(), random.end());
  const Digest image = PushImage(*app_, layer);
  Archive(*app_, image);
  Settle();
  EXPECT_GT(BytesIn("archive"), 2'500'000u);
  EXPECT_LT(BytesIn("archive"), 2'520'000u);
  Activate(*app_, image);
  Settle();
  EXPECT_EQ(Pull(*app_, layer), layer);
}

TEST_F(BlobMoverTest, AFileThatAnActiveImageSharesStaysUntilThatIsArchivedToo) {
  const Digest image = PushImage(*app_, layer_);
  Must(registry->layers->Mount(*app_, *other_, TestRegistry::DigestOf(layer_)));
  Must(registry->Push(*other_, "config"));
  const Digest second =
      Must(registry->Put(*other_, TestRegistry::ManifestOf("config", {layer_}), "v1")).digest;
  Archive(*app_, image);
  Settle();
  EXPECT_EQ(FilesOnDisk("archive"), 0);
  EXPECT_EQ(Pull(*other_, layer_), layer_);
  Archive(*other_, second);
  Settle();
  EXPECT_EQ(FilesOnDisk("blobs"), 0);
  EXPECT_EQ(FilesOnDisk("archive"), 1);
  Activate(*other_, second);
  Settle();
  EXPECT_EQ(FilesOnDisk("blobs"), 1);
  EXPECT_EQ(FilesOnDisk("archive"), 1);
  EXPECT_EQ(Pull(*other_, layer_), layer_);
  EXPECT_FALSE(registry->layers->Open(*app_, TestRegistry::DigestOf(layer_)));
  Activate(*app_, image);  // finds the hot file
  Settle();
  EXPECT_EQ(FilesOnDisk("blobs"), 1);
  EXPECT_EQ(FilesOnDisk("archive"), 0);
  EXPECT_EQ(Pull(*app_, layer_), layer_);
  EXPECT_THAT(Findings(), testing::IsEmpty());
}

TEST_F(BlobMoverTest, ItMovesWhenTheLastOtherUserOfItsFileGoes) {
  const Digest image = PushImage(*app_, layer_);
  Must(registry->layers->Mount(*app_, *other_, TestRegistry::DigestOf(layer_)));
  Archive(*app_, image);
  Settle();
  EXPECT_EQ(FilesOnDisk("archive"), 0);
  Must(registry->layers->Delete(*other_, TestRegistry::DigestOf(layer_)));
  Settle();
  registry->RunArchivist();
  registry->CollectAll();
  EXPECT_EQ(FilesOnDisk("blobs"), 0);
  EXPECT_EQ(FilesOnDisk("archive"), 1);
}

TEST_F(BlobMoverTest, APushMakesAHotCopyThatGoesBackWhenTheImageDoesNotCome) {
  const Digest image = PushImage(*app_, layer_);
  Archive(*app_, image);
  Settle();
  const UploadedLayer pushed = Must(registry->Push(*app_, layer_));
  EXPECT_FALSE(pushed.existed);
  EXPECT_EQ(Pull(*app_, layer_), layer_);
  Settle();
  EXPECT_EQ(FilesOnDisk("blobs"), 1);
  EXPECT_EQ(FilesOnDisk("archive"), 0);
  clock.Advance(hours(25));
  Settle();
  EXPECT_EQ(FilesOnDisk("blobs"), 0);
  EXPECT_EQ(FilesOnDisk("archive"), 1);
  EXPECT_EQ(StatusOf(*app_, image), ImageStatus::kArchived);
  const PutImageResult put = Must(registry->PushImage(*app_, "config", {layer_}, "v1"));
  EXPECT_TRUE(put.restored);
  clock.Advance(hours(25));
  Settle();
  EXPECT_EQ(FilesOnDisk("blobs"), 1);
  EXPECT_EQ(Pull(*app_, layer_), layer_);
  EXPECT_THAT(Findings(), testing::IsEmpty());
}

TEST_F(BlobMoverTest, AnArchivedImageThatIsDeletedLeavesNothing) {
  const Digest image = PushImage(*app_, layer_);
  Archive(*app_, image);
  Settle();
  Must(registry->images->Delete(*app_, {image, std::nullopt}, true));
  clock.Advance(hours(25));
  Settle();
  EXPECT_EQ(FilesOnDisk("blobs") + FilesOnDisk("archive"), 0);
  EXPECT_THAT(Findings(), testing::IsEmpty());
}

TEST_F(BlobMoverTest, ADeletedRepositoryLeavesNothing) {
  const Digest image = PushImage(*app_, layer_);
  Archive(*app_, image);
  Settle();
  Activate(*app_, image);
  Must(registry->repositories->Delete(TestRegistryName(), app_->name, true));
  Settle();
  EXPECT_EQ(FilesOnDisk("blobs") + FilesOnDisk("archive"), 0);
}

TEST_F(BlobMoverTest, AFullDiskLosesNothingAndIsTriedAgain) {
  blobs::FaultyFiles files;
  Restart({.files = &files});
  app_ = registry->Find("team/app");
  const Digest image = PushImage(*app_, layer_);
  Archive(*app_, image);
  files.FailAt(blobs::FaultyFiles::Call::kWrite, 1, ENOSPC);
  registry->RunArchivist();
  ASSERT_TRUE(files.failed());
  EXPECT_EQ(registry->archivist->counters().failures, 1u);
  EXPECT_EQ(FilesOnDisk("archive"), 0);  // the attempt left nothing
  registry->RunArchivist();              // it is not due yet
  EXPECT_EQ(FilesOnDisk("archive"), 0);
  clock.Advance(std::chrono::seconds(5));
  Settle();
  EXPECT_EQ(FilesOnDisk("archive"), 1);
  EXPECT_EQ(FilesOnDisk("blobs"), 0);

  Activate(*app_, image);
  files.FailAt(blobs::FaultyFiles::Call::kWrite, 1, ENOSPC);
  registry->RunArchivist();
  ASSERT_TRUE(files.failed());
  EXPECT_EQ(StatusOf(*app_, image), ImageStatus::kActivating);
  EXPECT_EQ(FilesOnDisk("blobs"), 0);
  clock.Advance(std::chrono::seconds(5));
  Settle();
  EXPECT_EQ(StatusOf(*app_, image), ImageStatus::kActive);
  EXPECT_EQ(Pull(*app_, layer_), layer_);
}

/// The real files, of which a copy changes on its way to the disk.
class SpoiledCopies final : public blobs::PosixFiles {
 public:
  std::string tier;  // whose next blob is spoiled before it is read
  blobs::SystemResult<std::unique_ptr<blobs::File>> Open(const std::string& path,
                                                         blobs::Access access) override {
    if (!tier.empty() && path.contains('/' + tier + '/') && !path.ends_with("root-id")) {
      tier.clear();
      Spoil(path, 4'100);
    }
    return PosixFiles::Open(path, access);
  }
};

TEST_F(BlobMoverTest, ACopyThatDoesNotReadBackIsNotTaken) {
  SpoiledCopies files;
  Restart({.files = &files});
  app_ = registry->Find("team/app");
  const Digest image = PushImage(*app_, layer_);
  Archive(*app_, image);
  files.tier = "archive";
  registry->RunArchivist();
  EXPECT_EQ(registry->archivist->counters().failures, 1u);
  EXPECT_EQ(FilesOnDisk("archive"), 0);
  EXPECT_EQ(FilesOnDisk("blobs"), 1);
  clock.Advance(hours(1));
  Settle();
  EXPECT_EQ(FilesOnDisk("blobs"), 0);

  Activate(*app_, image);
  files.tier = "blobs";
  registry->RunArchivist();
  EXPECT_EQ(registry->archivist->counters().failures, 2u);
  EXPECT_EQ(StatusOf(*app_, image), ImageStatus::kActivating);
  EXPECT_EQ(FilesOnDisk("blobs"), 0);
  clock.Advance(hours(1));
  Settle();
  EXPECT_EQ(StatusOf(*app_, image), ImageStatus::kActive);
  EXPECT_EQ(Pull(*app_, layer_), layer_);
  registry.reset();  // before its file system
}

TEST_F(BlobMoverTest, WhateverCallFailsNothingIsLostAndItIsTriedAgain) {
  blobs::FaultyFiles files;
  Restart({.files = &files});
  app_ = registry->Find("team/app");
  const Digest image = PushImage(*app_, layer_);
  int call = 0;
  for (bool failing = true; failing;) {
    ++call;
    failing = false;
    for (const StorageClass target : {StorageClass::kArchive, StorageClass::kStandard}) {
      Must(registry->storage_classes->Update(*app_, {image, std::nullopt}, target));
      const std::uint64_t failures = registry->archivist->counters().failures;
      files.FailAt(call, EIO);
      registry->RunArchivist();
      failing |= registry->archivist->counters().failures > failures;
      files.FailAt(0, 0);
      clock.Advance(std::chrono::minutes(10));
      Settle();
      const bool hot = target == StorageClass::kStandard;
      EXPECT_EQ(StatusOf(*app_, image), hot ? ImageStatus::kActive : ImageStatus::kArchived) << call;
      EXPECT_EQ(FilesOnDisk("blobs"), hot ? 1 : 0) << call;
      EXPECT_EQ(FilesOnDisk("archive"), hot ? 0 : 1) << call;
    }
    ASSERT_EQ(Pull(*app_, layer_), layer_) << call;
  }
  EXPECT_GT(call, 8);  // a move really has that many calls
}

TEST_F(BlobMoverTest, AStopLeavesTheRestForTheNextStart) {
  const Digest image = PushImage(*app_, layer_);
  Archive(*app_, image);
  registry->archivist->Stop();
  registry->RunArchivist();
  EXPECT_EQ(FilesOnDisk("archive"), 0);
  EXPECT_EQ(registry->archivist->counters().failures, 0u);
  Restart();
  Settle();
  EXPECT_EQ(FilesOnDisk("archive"), 1);
  EXPECT_EQ(FilesOnDisk("blobs"), 0);
}

TEST_F(BlobMoverTest, WhatIsDamagedStaysWhereItIs) {
  const Digest image = PushImage(*app_, layer_);
  const blobs::FileId id = Must(blobs::FileId::FromBytes(LinkOf(*app_, layer_).blob.file_id));
  std::fstream(directory.File("blobs/" + id.path()), std::ios::in | std::ios::out | std::ios::binary)
      .seekp(100'000)
      .write("damage", 6);
  Archive(*app_, image);
  registry->RunArchivist();
  EXPECT_EQ(registry->archivist->counters().failures, 1u);
  EXPECT_EQ(FilesOnDisk("blobs"), 1);
  EXPECT_EQ(FilesOnDisk("archive"), 0);
}

TEST_F(BlobMoverTest, TheCheckOfTheStoreReadsTheArchiveAndAPushHealsIt) {
  const Digest image = PushImage(*app_, layer_);
  Archive(*app_, image);
  Settle();
  const blobs::FileId id = Must(blobs::FileId::FromBytes(LinkOf(*app_, layer_).blob.file_id));
  std::filesystem::resize_file(directory.File("archive/" + id.path()), 5'000);
  EXPECT_THAT(Findings(), testing::ElementsAre("blob_wrong_length"));
  Findings(/*repair=*/true);  // sets it aside
  Activate(*app_, image);
  registry->RunArchivist();
  EXPECT_EQ(StatusOf(*app_, image), ImageStatus::kActivating);  // and stays so
  EXPECT_TRUE(Must(registry->PushImage(*app_, "config", {layer_}, "v1")).restored);
  EXPECT_EQ(Pull(*app_, layer_), layer_);
}

TEST(BlobMoverOnPostgres, ThereAndBack) {
  if (metadata::sql::TestPostgresUrl().empty()) GTEST_SKIP() << metadata::sql::kNoTestPostgres;
  metadata::sql::TestSchema schema;
  metadata::sql::TestDirectory directory;
  ManualClock clock;
  TestRegistry registry(directory, clock, {.database = schema.url()});
  const RepositoryPtr app = registry.Create("team/app");
  const std::string layer(300'000, 'l');
  const Digest image = Must(registry.PushImage(*app, "config", {layer}, "v1")).digest;
  const auto update = [&](StorageClass target) {
    Must(registry.storage_classes->Update(*app, {image, std::nullopt}, target));
    registry.RunArchivist();
    registry.CollectAll();
  };
  update(StorageClass::kArchive);
  EXPECT_FALSE(registry.layers->Open(*app, TestRegistry::DigestOf(layer)));
  const auto link_of = [&] {
    return *Must(registry.store->Read([&](metadata::sql::Session& session) {
      return metadata::FindLink(session, RefOf(*app), TestRegistry::DigestOf(layer));
    }));
  };
  EXPECT_EQ(link_of().blob.tier, metadata::BlobTier::kArchive);
  update(StorageClass::kStandard);
  EXPECT_EQ(link_of().blob.tier, metadata::BlobTier::kHot);
  EXPECT_EQ(Must(registry.Pull(*app, TestRegistry::DigestOf(layer))), layer);
  FsckStep check;
  do {
    check = Must(registry.fsck->Step({.read_blobs = true}));
    for (const FsckFinding& finding : check.findings) ADD_FAILURE() << finding.code << finding.subject;
  } while (!check.done);
}

}  // namespace
}  // namespace entrepot::registry
