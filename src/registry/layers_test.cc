#include "registry/layers.h"

#include <algorithm>
#include <fstream>
#include <functional>

#include <gtest/gtest.h>

#include "blobs/row_content.h"
#include "metadata/sql/faulty_vfs.h"
#include "registry/refs.h"
#include "registry/test_registry.h"

namespace entrepot::registry {
namespace {

using std::chrono::hours;

// Content too large for a row: it has a file, which these tests count.
std::string WithAFile(char fill) { return std::string(blobs::kMaxRowContent + 1, fill); }
const std::string kLayer = WithAFile('l'), kConfig = WithAFile('c'), kBefore = WithAFile('b'),
                  kAfter = WithAFile('a'), kOther = WithAFile('o');

class LayersTest : public RegistryTest {
 protected:
  bool IsThere(const Repository& r, const std::string& content) {
    return registry->layers->Claim(r, TestRegistry::DigestOf(content)).has_value();
  }
  std::vector<std::filesystem::path> BlobFiles() const {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory.File("blobs")))
      if (entry.is_regular_file() && entry.path().filename() != "root-id") files.push_back(entry.path());
    return files;
  }

  RepositoryPtr repository = registry->Create("team/app"), other = registry->Create("team/other");
};

TEST_F(LayersTest, AnUnreferencedLayerIsHeldForADayAndCollectedBehindIt) {
  Must(registry->Push(*repository, kLayer));
  clock.Advance(hours(23));
  registry->CollectAll();
  EXPECT_EQ(FilesOnDisk(), 1);
  clock.Advance(hours(2));
  registry->CollectAll();
  EXPECT_EQ(FilesOnDisk(), 0);
  EXPECT_FALSE(IsThere(*repository, kLayer));
  EXPECT_TRUE(registry->Push(*repository, kLayer));
}

TEST_F(LayersTest, WhoIsToldThatItIsThereCanRelyOnIt) {
  Must(registry->Push(*repository, "layer"));
  clock.Advance(hours(20));
  EXPECT_TRUE(IsThere(*repository, "layer"));  // four hours were left: held anew
  clock.Advance(hours(24));
  registry->CollectAll();
  EXPECT_TRUE(IsThere(*repository, "layer"));
  clock.Advance(Grace().claimed_hold() + hours(1));
  registry->CollectAll();
  EXPECT_FALSE(IsThere(*repository, "layer"));
}

// design-storage 1.7.
TEST_F(LayersTest, AskingWritesOnlyToHoldWhatIsNearItsEnd) {
  metadata::sql::FaultyVfs vfs("faulty");
  Restart({.vfs = vfs.name()});
  repository = registry->Find("team/app");
  Must(registry->PushImage(*repository, kConfig, {kLayer}, "v1"));
  Must(registry->Push(*repository, kOther));
  const int events = vfs.events();
  EXPECT_TRUE(IsThere(*repository, kOther));  // held for a day from now
  clock.Advance(hours(1));
  EXPECT_TRUE(IsThere(*repository, kLayer));
  EXPECT_EQ(vfs.events(), events);
  EXPECT_TRUE(IsThere(*repository, kOther));
  EXPECT_GT(vfs.events(), events);
  registry.reset();  // before its database's file system
}

// design-storage 1.7: that an unreferenced layer exists is never answered from memory.
TEST_F(LayersTest, OnlyALayerThatAnImageRefersToIsRemembered) {
  const Digest digest = TestRegistry::DigestOf(kLayer);
  Must(registry->Push(*repository, kLayer));
  Must(registry->Pull(*repository, digest));
  EXPECT_FALSE(registry->layers->TryOpen(*repository, digest.ToString()));
  Must(registry->Put(*repository, TestRegistry::ManifestOf(kLayer, {}), "v1"));
  Must(registry->Pull(*repository, digest));
  EXPECT_TRUE(registry->layers->TryOpen(*repository, digest.ToString()));
}

// design-storage 1.7: whether a layer could be held is the answer that it exists.
TEST_F(LayersTest, OnlyALiveLayerCanBeHeld) {
  Must(registry->Push(*repository, kLayer));
  const metadata::RepositoryRef ref = RefOf(*repository);
  const Digest digest = TestRegistry::DigestOf(kLayer);
  Must(registry->store->Write([&](metadata::WriteTransaction& transaction) -> Result<> {
    const auto link = TRY(metadata::FindLink(transaction.session(), ref, digest));
    for (const auto state :
         {metadata::BlobState::kLive, metadata::BlobState::kDeleting, metadata::BlobState::kDamaged}) {
      TRY(metadata::SetBlobState(transaction, ref.registry, link->blob.file_id, state));
      EXPECT_EQ(TRY(metadata::HoldLink(transaction, ref, digest, transaction.store_time() + hours(48))),
                state == metadata::BlobState::kLive);
    }
    return {};
  }));
}

TEST_F(LayersTest, ANearlyFullDiskShortensNewGraceToAnHour) {
  Must(registry->Push(*repository, kBefore));
  registry->grace.SetPressure(true);
  Must(registry->PushImage(*repository, kConfig, {kLayer}, "v1"));
  Must(registry->images->Delete(*repository, {std::nullopt, ImageTag::Trusted("v1")}, true));
  Must(registry->Push(*repository, kAfter));
  clock.Advance(std::chrono::minutes(61));
  registry->CollectAll();
  EXPECT_EQ(FilesOnDisk(), 1);  // what was promised a day before keeps it
  EXPECT_TRUE(IsThere(*repository, kBefore));
}

TEST_F(LayersTest, AReferencedLayerStaysAndGoesADayAfterItsLastImage) {
  Must(registry->PushImage(*repository, kConfig, {kLayer}, "v1"));
  clock.Advance(hours(1000));
  registry->CollectAll();
  EXPECT_EQ(FilesOnDisk(), 2);
  Must(registry->images->Delete(*repository, {std::nullopt, ImageTag::Trusted("v1")}, true));
  clock.Advance(hours(23));
  registry->CollectAll();
  EXPECT_EQ(FilesOnDisk(), 2);
  clock.Advance(hours(2));
  registry->CollectAll();
  EXPECT_EQ(FilesOnDisk(), 0);
}

TEST_F(LayersTest, ASuspectClockPausesCollection) {
  Must(registry->Push(*repository, kLayer));
  clock.Advance(hours(25));
  clock.StepWall(std::chrono::minutes(10));
  Must(registry->Push(*other, kOther));  // the store looks at the clock as it works
  registry->CollectAll();
  EXPECT_TRUE(registry->store->time_suspect());
  EXPECT_EQ(FilesOnDisk(), 2);
  registry->store->ConfirmTime();
  registry->CollectAll();
  EXPECT_EQ(FilesOnDisk(), 1);
}

TEST_F(LayersTest, OneFileServesTwoRepositoriesUnderTheirOwnKeys) {
  Must(registry->Push(*repository, kLayer));
  Must(registry->Push(*other, kLayer));
  EXPECT_EQ(FilesOnDisk(), 1);
  Must(registry->layers->Delete(*repository, TestRegistry::DigestOf(kLayer)));
  registry->CollectAll();
  EXPECT_FALSE(IsThere(*repository, kLayer));
  EXPECT_EQ(Must(registry->Pull(*other, TestRegistry::DigestOf(kLayer))), kLayer);
  Must(registry->layers->Delete(*other, TestRegistry::DigestOf(kLayer)));
  registry->CollectAll();
  EXPECT_EQ(FilesOnDisk(), 0);
}

TEST_F(LayersTest, AFileOutlivesTheRepositoryItCameFrom) {
  Must(registry->PushImage(*repository, kConfig, {kLayer}, "v1"));
  Must(registry->PushImage(*other, kConfig, {kLayer}, "v1"));
  EXPECT_EQ(FilesOnDisk(), 2);
  Must(registry->repositories->Delete(TestRegistryName(), repository->name, true));
  // The only named link to the files is now the other repository's; a third one finds its key there.
  const RepositoryPtr third = registry->Create("team/third");
  Must(registry->PushImage(*third, kConfig, {kLayer}, "v1"));
  registry->CollectAll();
  EXPECT_EQ(FilesOnDisk(), 2);
  Must(registry->repositories->Delete(TestRegistryName(), other->name, true));
  registry->CollectAll();
  EXPECT_EQ(Must(registry->Pull(*third, TestRegistry::DigestOf(kLayer))), kLayer);
  Must(registry->repositories->Delete(TestRegistryName(), third->name, true));
  registry->CollectAll();
  EXPECT_EQ(FilesOnDisk(), 0);
}

TEST_F(LayersTest, APushAfterTheOnlyOwnerWasDeletedWritesAnew) {
  Must(registry->Push(*repository, kLayer));
  Must(registry->repositories->Delete(TestRegistryName(), repository->name, true));
  Must(registry->Push(*other,
                      kLayer));  // before collection: nobody is left who could unwrap the old file's key
  EXPECT_EQ(Must(registry->Pull(*other, TestRegistry::DigestOf(kLayer))), kLayer);
  registry->CollectAll();
  EXPECT_EQ(FilesOnDisk(), 1);
}

TEST_F(LayersTest, MountLinksWithinADomain) {
  Must(registry->Push(*repository, "layer"));
  EXPECT_TRUE(Must(registry->layers->Mount(*repository, *other, TestRegistry::DigestOf("layer"))));
  EXPECT_EQ(Must(registry->Pull(*other, TestRegistry::DigestOf("layer"))), "layer");
  EXPECT_FALSE(Must(registry->layers->Mount(*repository, *other, TestRegistry::DigestOf("absent"))));
}

// design-storage 2.2: an account's files, and a region's, are its own.
TEST_F(LayersTest, NothingIsSharedAcrossRegistries) {
  Must(registry->Push(*repository, kLayer));
  int files = 1;
  for (const RegistryName& name :
       {RegistryName{AccountId::Trusted("210987654321"), TestRegistryName().region},
        RegistryName{TestRegistryName().account, Region::Trusted("eu-west-1")}}) {
    const RepositoryPtr elsewhere =
        Must(registry->repositories->Create(name, {.name = RepositoryName::Trusted("team/app")}));
    EXPECT_NE(elsewhere->registry_id, repository->registry_id);
    EXPECT_FALSE(Must(registry->layers->Mount(*repository, *elsewhere, TestRegistry::DigestOf(kLayer))));
    EXPECT_TRUE(Must(registry->layers->SourcesOf(*elsewhere, TestRegistry::DigestOf(kLayer), 32)).empty());
    EXPECT_FALSE(IsThere(*elsewhere, kLayer));
    Must(registry->Push(*elsewhere, kLayer));
    EXPECT_EQ(FilesOnDisk(), ++files);
    EXPECT_EQ(Must(registry->Pull(*elsewhere, TestRegistry::DigestOf(kLayer))), kLayer);
  }
}

TEST_F(LayersTest, ReferencedLayersAreNotDeleted) {
  Must(registry->PushImage(*repository, "config", {"layer"}, "v1"));
  EXPECT_EQ(CodeOf(registry->layers->Delete(*repository, TestRegistry::DigestOf("layer"))),
            ErrorCode::kLayerReferenced);
  EXPECT_EQ(CodeOf(registry->layers->Delete(*other, TestRegistry::DigestOf("layer"))),
            ErrorCode::kLayerNotFound);
}

TEST_F(LayersTest, AMissingFileIsToldAsMissingAndTheNextPushHealsIt) {
  const std::string content(100'000, 'x');
  Must(registry->Push(*repository, content));
  Must(registry->layers->Mount(*repository, *other, TestRegistry::DigestOf(content)));
  std::filesystem::remove(BlobFiles().at(0));
  EXPECT_FALSE(IsThere(*repository, content));
  EXPECT_EQ(CodeOf(registry->Pull(*repository, TestRegistry::DigestOf(content))), ErrorCode::kLayerNotFound);
  Must(registry->Push(*repository, content));
  EXPECT_EQ(Must(registry->Pull(*repository, TestRegistry::DigestOf(content))), content);
  EXPECT_FALSE(IsThere(*other, content));  // until its link has moved
  registry->CollectAll();
  EXPECT_EQ(Must(registry->Pull(*other, TestRegistry::DigestOf(content))), content);
}

/// The real files, with something that happens just before the next one is looked for.
class WatchedFiles final : public blobs::PosixFiles {
 public:
  std::function<void()> before_look;
  blobs::SystemResult<std::unique_ptr<blobs::File>> Open(const std::string& path,
                                                         blobs::Access access) override {
    Look();
    return PosixFiles::Open(path, access);
  }
  blobs::SystemResult<blobs::FileStatus> Status(const std::string& path) override {
    Look();
    return PosixFiles::Status(path);
  }

 private:
  void Look() {
    if (before_look) std::exchange(before_look, nullptr)();
  }
};

TEST_F(LayersTest, AFileThatIsGoneWasPerhapsReplacedSinceItsRowWasRead) {
  WatchedFiles files;
  Restart({.files = &files});
  repository = registry->Find("team/app");
  other = registry->Find("team/other");
  const Digest digest = TestRegistry::DigestOf(kLayer);
  Must(registry->Push(*repository, kLayer));
  const auto replace_it_next = [&] {
    files.before_look = [&] {
      std::filesystem::remove(BlobFiles().at(0));
      Must(registry->Push(*repository, kLayer));
    };
  };
  replace_it_next();
  EXPECT_EQ(Must(registry->Pull(*repository, digest)), kLayer);
  replace_it_next();
  EXPECT_TRUE(IsThere(*repository, kLayer));
  replace_it_next();
  EXPECT_TRUE(Must(registry->layers->Mount(*repository, *other, digest)));
  EXPECT_FALSE(files.before_look);
  registry.reset();  // before its file system
}

// design-storage 1.11: damage needs two failed reads.
TEST_F(LayersTest, WhatIsReadWellTheSecondTimeIsNotDamaged) {
  WatchedFiles files;
  Restart({.files = &files});
  repository = registry->Find("team/app");
  Must(registry->Push(*repository, kLayer));
  const std::filesystem::path path = BlobFiles().at(0);
  files.before_look = [&] {
    Spoil(path, 20);
    files.before_look = [&] { Spoil(path, 20); };
  };
  EXPECT_EQ(Must(registry->Pull(*repository, TestRegistry::DigestOf(kLayer))), kLayer);
  EXPECT_FALSE(files.before_look);
  registry.reset();  // before its file system
}

// design-storage 2.7. A small layer's key goes as soon as its content is in memory.
TEST_F(LayersTest, ADataKeyIsKeptForAMinute) {
  const std::string large(200'000, 'x'), small(50'000, 'x');
  Must(registry->PushImage(*repository, small, {large}, "v1"));
  const std::string large_digest = TestRegistry::DigestOf(large).ToString(),
                    small_digest = TestRegistry::DigestOf(small).ToString();
  Must(registry->layers->Open(*repository, TestRegistry::DigestOf(large)));
  Must(registry->layers->Open(*repository, TestRegistry::DigestOf(small)));
  clock.Advance(std::chrono::seconds(60));
  EXPECT_TRUE(registry->layers->TryOpen(*repository, large_digest));
  clock.Advance(std::chrono::seconds(1));
  EXPECT_FALSE(registry->layers->TryOpen(*repository, large_digest));
  EXPECT_TRUE(registry->layers->TryOpen(*repository, small_digest));
  EXPECT_EQ(registry->layers->TryOpen(*repository, small_digest)->reader, nullptr);
}

TEST_F(LayersTest, WhatIsToldAsMissingIsMissingForAManifestToo) {
  const std::string content(100'000, 'x');
  Must(registry->Push(*repository, content));
  Must(registry->Push(*repository, "config"));
  const std::string manifest = TestRegistry::ManifestOf("config", {content});
  std::filesystem::remove(BlobFiles().at(0));
  EXPECT_FALSE(IsThere(*repository, content));
  EXPECT_EQ(CodeOf(registry->Put(*repository, manifest)), ErrorCode::kLayersNotFound);
  Must(registry->Push(*repository, content));
  Must(registry->Put(*repository, manifest));
  EXPECT_EQ(Must(registry->Pull(*repository, TestRegistry::DigestOf(content))), content);
}

// design-storage 1.1: whatever a race comes to, and any number of others are on their way out.
TEST_F(LayersTest, AContentHasOneLiveRow) {
  Must(registry->Push(*repository, kLayer));
  const auto registry_id = static_cast<std::int64_t>(repository->registry_id);
  Must(registry->store->Write([&](metadata::WriteTransaction& transaction) -> Result<> {
    for (int i = 0; i < 3; ++i) {
      const auto live = TRY(metadata::FindLiveBlob(transaction.session(), registry_id, repository->domain,
                                                   TestRegistry::DigestOf(kLayer)));
      metadata::BlobRow rival = *live;
      rival.file_id = ToVector(registry->blob_store->NewRowId().bytes());
      EXPECT_FALSE(TRY(metadata::InsertBlob(transaction, registry_id, rival)));
      TRY(metadata::SetBlobState(transaction, registry_id, live->file_id, metadata::BlobState::kDeleting));
      EXPECT_TRUE(TRY(metadata::InsertBlob(transaction, registry_id, rival)));
    }
    return {};
  }));
}

TEST_F(LayersTest, ATruncatedFileIsNotAWinner) {
  const std::string content(100'000, 'y');
  Must(registry->Push(*repository, content));
  std::filesystem::resize_file(BlobFiles().at(0), 8192);
  EXPECT_FALSE(IsThere(*repository, content));
  Must(registry->Push(*other, content));
  EXPECT_EQ(Must(registry->Pull(*other, TestRegistry::DigestOf(content))), content);
}

// Found while the body is read, when the file is opened, and in one that is read whole when it is opened.
TEST_F(LayersTest, DamageIsToldOnceAndHealedByAPush) {
  const auto expect_healing = [this](std::size_t size, std::streamoff spoiled) {
    SCOPED_TRACE(spoiled);
    const std::string content(size, static_cast<char>('a' + spoiled % 26));
    const Digest digest = TestRegistry::DigestOf(content);
    const std::vector<std::filesystem::path> before = BlobFiles();
    Must(registry->Push(*repository, content));
    EXPECT_TRUE(Must(registry->layers->Mount(*repository, *other, digest)));
    for (const std::filesystem::path& path : BlobFiles())
      if (std::ranges::find(before, path) == before.end()) Spoil(path, spoiled);
    EXPECT_TRUE(IsThere(*repository, content)) << "nobody has looked";
    EXPECT_EQ(CodeOf(registry->Pull(*repository, digest)), ErrorCode::kDamaged);
    for (const RepositoryPtr& each : {repository, other}) {
      EXPECT_FALSE(IsThere(*each, content));
      EXPECT_EQ(CodeOf(registry->Pull(*each, digest)), ErrorCode::kLayerNotFound);
    }
    Must(registry->Push(*other, content));
    registry->CollectAll();
    for (const RepositoryPtr& each : {repository, other})
      EXPECT_EQ(Must(registry->Pull(*each, digest)), content);
  };
  expect_healing(200'000, 4096 + 70'000);
  expect_healing(200'000, 20);
  expect_healing(50'000, 4096 + 7'000);
}

TEST_F(LayersTest, AnotherDisksRootIsNoAbsence) {
  Must(registry->Push(*repository, kLayer));
  std::filesystem::rename(directory.File("blobs"), directory.File("unmounted"));
  std::filesystem::create_directory(directory.File("blobs"));
  const auto claim = registry->layers->Claim(*repository, TestRegistry::DigestOf(kLayer));
  EXPECT_EQ(CodeOf(claim), ErrorCode::kUnavailable);
  EXPECT_EQ(CodeOf(registry->layers->Open(*repository, TestRegistry::DigestOf(kLayer))),
            ErrorCode::kUnavailable);
}

TEST_F(LayersTest, FilesThatNoRowNamesGoAfterARestart) {
  Must(registry->Push(*repository, kLayer));
  {
    std::ofstream orphan(BlobFiles().at(0).parent_path() /
                         (registry->blob_store->Create()->id.name()));  // made, never published
    orphan << "x";
  }
  Restart();
  while (Must(registry->collection->SweepOrphans())) {
  }
  EXPECT_EQ(FilesOnDisk(), 1);
  EXPECT_EQ(registry->collection->counters().orphans, 1u);
}

class SmallLayersTest : public LayersTest {
 protected:
  std::int64_t Rows() {
    return Must(registry->store->Read([](metadata::sql::Session& session) -> Result<std::int64_t> {
      metadata::sql::Cursor row = TRY(session.Query("SELECT COUNT(*) FROM blobs"));
      TRY(row.Next());
      return row.Int(0);
    }));
  }
  const std::string small = std::string(blobs::kMaxRowContent, 's');
};

TEST_F(SmallLayersTest, LieInTheirRowsAndAreReadAfterARestart) {
  Must(registry->Push(*repository, small));
  Must(registry->Push(*repository, ""));
  EXPECT_EQ(FilesOnDisk(), 0);
  Restart();
  repository = registry->Find("team/app");
  EXPECT_EQ(Must(registry->Pull(*repository, TestRegistry::DigestOf(small))), small);
  EXPECT_EQ(Must(registry->Pull(*repository, TestRegistry::DigestOf(""))), "");
}

TEST_F(SmallLayersTest, AreSharedByRepositoriesAndCollectedWithTheLastLink) {
  Must(registry->Push(*repository, small));
  Must(registry->Push(*other, small));
  EXPECT_EQ(Rows(), 1);
  Must(registry->layers->Delete(*repository, TestRegistry::DigestOf(small)));
  registry->CollectAll();
  EXPECT_FALSE(IsThere(*repository, small));
  EXPECT_EQ(Must(registry->Pull(*other, TestRegistry::DigestOf(small))), small);
  Must(registry->layers->Delete(*other, TestRegistry::DigestOf(small)));
  registry->CollectAll();
  EXPECT_EQ(Rows(), 0);
}

TEST_F(SmallLayersTest, AreHeldForADay) {
  Must(registry->Push(*repository, small));
  clock.Advance(hours(23));
  registry->CollectAll();
  EXPECT_EQ(Rows(), 1);
  clock.Advance(hours(2));
  registry->CollectAll();
  EXPECT_EQ(Rows(), 0);
}

TEST_F(SmallLayersTest, DamageIsToldOnceAndHealedByAPush) {
  Must(registry->Push(*repository, small));
  Must(registry->store->Write([](metadata::WriteTransaction& transaction) -> Result<> {
    TRY(transaction->Run("UPDATE blobs SET content = $1", ByteVector(blobs::kMaxRowContent + 16)));
    return {};
  }));
  EXPECT_EQ(CodeOf(registry->Pull(*repository, TestRegistry::DigestOf(small))), ErrorCode::kDamaged);
  EXPECT_FALSE(IsThere(*repository, small));
  Must(registry->Push(*repository, small));
  EXPECT_EQ(Must(registry->Pull(*repository, TestRegistry::DigestOf(small))), small);
}

TEST_F(LayersTest, AtRestNothingIsInTheClear) {
  const std::string secret = "a very secret layer content that must not be on the disk";
  Must(registry->Push(*repository, secret + std::string(100'000, '.')));
  Must(registry->Push(*repository, secret));
  registry.reset();
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory.File(""))) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), {});
    EXPECT_EQ(bytes.find(secret), bytes.npos) << entry.path();
  }
}

TEST_F(LayersTest, DiskModeServesTheFileItself) {
  Restart({.encryption = keys::FileEncryption::kDisk});
  repository = registry->Find("team/app");
  const std::string content(200'000, 'p');
  Must(registry->Push(*repository, content));
  const OpenLayerPtr layer = Must(registry->layers->Open(*repository, TestRegistry::DigestOf(content)));
  const http::Body body = registry->layers->Body(layer, {10, 1000});
  const auto* range = std::get_if<http::FileRange>(&body);
  ASSERT_NE(range, nullptr);
  std::string read(range->length, '\0');
  ASSERT_EQ(::pread(range->file->get(), read.data(), read.size(), static_cast<off_t>(range->offset)), 1000);
  EXPECT_EQ(read, content.substr(10, 1000));
}

TEST_F(LayersTest, RangesOfEveryKindOfBody) {
  for (const std::size_t size : {std::size_t{100}, std::size_t{64 * 1024}, std::size_t{300'000}}) {
    std::string content(size, '\0');
    for (std::size_t i = 0; i < size; ++i) content[i] = static_cast<char>(i * 7 + i / 251);
    Must(registry->Push(*repository, content));
    const OpenLayerPtr layer = Must(registry->layers->Open(*repository, TestRegistry::DigestOf(content)));
    for (const ByteRange range :
         {ByteRange{0, size}, ByteRange{1, size - 2}, ByteRange{size - 1, 1}, ByteRange{50, 50}}) {
      http::Body body = registry->layers->Body(layer, range);
      std::string read;
      if (const auto* text = std::get_if<std::string>(&body)) read = *text;
      if (const auto* shared = std::get_if<http::SharedText>(&body)) read = **shared;
      if (auto* source = std::get_if<std::unique_ptr<http::BodySource>>(&body)) {
        read.resize((*source)->length());
        for (std::size_t at = 0; at < read.size();)
          at += Must((*source)->Read({reinterpret_cast<std::uint8_t*>(read.data()) + at, read.size() - at}));
      }
      EXPECT_EQ(read, content.substr(range.offset, range.length)) << size << " " << range.offset;
    }
  }
}

}  // namespace
}  // namespace entrepot::registry
