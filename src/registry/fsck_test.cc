#include "registry/fsck.h"

#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "blobs/row_content.h"
#include "registry/test_registry.h"

namespace entrepot::registry {
namespace {

using std::chrono::hours;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

std::string WithAFile(char fill) { return std::string(200'000, fill); }

class FsckTest : public RegistryTest {
 protected:
  struct Outcome {
    std::vector<std::string> codes;
    std::int64_t checked = 0, repaired = 0;
  };
  Outcome Check(FsckOptions options = {}) {
    Outcome outcome;
    for (bool done = false; !done;) {
      const FsckStep step = Must(registry->fsck->Step(options));
      for (const FsckFinding& finding : step.findings) outcome.codes.emplace_back(finding.code);
      outcome.checked = step.checked;
      outcome.repaired = step.repaired;
      done = step.done;
    }
    return outcome;
  }
  std::vector<std::string> Codes(FsckOptions options = {}) { return Check(options).codes; }
  void Run(std::string_view statement) {
    Must(registry->store->Write([&](metadata::WriteTransaction& transaction) -> Result<> {
      TRY(transaction->Run(statement));
      return {};
    }));
  }
  std::filesystem::path File() const {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory.File("blobs")))
      if (entry.is_regular_file() && entry.path().filename() != "root-id") return entry.path();
    return {};
  }
  Digest layer_digest() const { return TestRegistry::DigestOf(layer); }

  const std::string layer = WithAFile('l'), config = "config";
  const std::string manifest = TestRegistry::ManifestOf(config, {layer});
  RepositoryPtr repository = registry->Create("team/app");
};

TEST_F(FsckTest, ASoundStoreHasNoFindings) {
  Must(registry->PushImage(*repository, config, {layer}, "v1"));
  Must(registry->Put(*repository, TestRegistry::IndexOf({manifest}), "index"));
  Must(registry->Push(*repository, "held"));
  Must(registry->layers->Mount(*repository, *registry->Create("team/other"), layer_digest()));
  Must(registry->PushImage(*registry->Create("team/gone"), "own", {WithAFile('g')}, "v1"));
  Must(registry->repositories->Delete(TestRegistryName(), RepositoryName::Trusted("team/gone"), true));
  const Outcome outcome = Check({.read_blobs = true});
  EXPECT_THAT(outcome.codes, IsEmpty());
  EXPECT_GT(outcome.checked, 10);
  Restart();
  EXPECT_THAT(Codes({.read_blobs = true}), IsEmpty());
  registry->CollectAll();
  EXPECT_THAT(Codes(), IsEmpty());
}

TEST_F(FsckTest, AMissingFileIsSetAsideAndHealedByTheNextPush) {
  Must(registry->PushImage(*repository, config, {layer}, "v1"));
  std::filesystem::remove(File());
  EXPECT_THAT(Codes(), ElementsAre("blob_missing"));
  const Outcome repaired = Check({.repair = true});
  EXPECT_THAT(repaired.codes, ElementsAre("blob_missing"));
  EXPECT_EQ(repaired.repaired, 1);
  EXPECT_EQ(CodeOf(registry->layers->Claim(*repository, layer_digest())), ErrorCode::kLayerNotFound);
  EXPECT_THAT(Codes(), UnorderedElementsAre("image_lacks_layer", "blob_set_aside"));
  Must(registry->Push(*repository, layer));
  registry->CollectAll();
  EXPECT_THAT(Codes({.read_blobs = true}), IsEmpty());
  EXPECT_TRUE(Must(registry->Pull(*repository, layer_digest())) == layer);
}

TEST_F(FsckTest, ADamagedFileIsNeverDeletedByRepair) {
  Must(registry->PushImage(*repository, config, {layer}, "v1"));
  Must(registry->Pull(
      *repository, layer_digest()));  // open in memory, and no longer served from there after it is set aside
  Spoil(File(), 4096 + 70'000);
  EXPECT_THAT(Codes(), IsEmpty());  // only reading it tells
  EXPECT_THAT(Codes({.repair = true, .read_blobs = true}), ElementsAre("blob_damaged"));
  EXPECT_EQ(FilesOnDisk(), 1);
  EXPECT_EQ(CodeOf(registry->Pull(*repository, layer_digest())), ErrorCode::kLayerNotFound);
  Must(registry->Push(*repository, layer));
  registry->CollectAll();
  EXPECT_EQ(FilesOnDisk(), 2);
  EXPECT_TRUE(Must(registry->Pull(*repository, layer_digest())) == layer);
  clock.Advance(hours(30 * 24 - 1));
  registry->CollectAll();
  EXPECT_EQ(FilesOnDisk(), 2);
  clock.Advance(hours(2));
  registry->CollectAll();
  EXPECT_EQ(FilesOnDisk(), 1);
}

TEST_F(FsckTest, HeadersAndLengthsAreCheckedWithoutReadingBlobs) {
  Must(registry->PushImage(*repository, config, {layer}, "v1"));
  Spoil(File(), 20);
  EXPECT_THAT(Codes(), ElementsAre("blob_damaged"));
  std::filesystem::resize_file(File(), 5000);
  EXPECT_THAT(Codes(), ElementsAre("blob_wrong_length"));
}

TEST_F(FsckTest, ContentInRowsIsChecked) {
  Must(registry->Push(*repository, "small"));
  Run("UPDATE blobs SET content = substr(content, 1, 3)");
  EXPECT_THAT(Codes(), ElementsAre("blob_wrong_length"));
  Run("UPDATE blobs SET content = CAST('twenty-one-bytes-long' AS BLOB)");
  EXPECT_THAT(Codes(), ElementsAre("blob_damaged"));
  Run("UPDATE blobs SET content = NULL");
  EXPECT_THAT(Codes({.repair = true}), ElementsAre("blob_missing"));
  Must(registry->Push(*repository, "small"));
  registry->CollectAll();
  EXPECT_EQ(Must(registry->Pull(*repository, TestRegistry::DigestOf("small"))), "small");
}

TEST_F(FsckTest, WhatNothingWouldEverCollectIsFoundAndCollected) {
  Must(registry->Push(*repository, layer));
  Run("DELETE FROM blob_links");
  EXPECT_THAT(Codes({.repair = true}), ElementsAre("blob_without_link", "usage_does_not_add_up"));
  registry->CollectAll();
  EXPECT_EQ(FilesOnDisk(), 0);

  Must(registry->Push(*repository, layer));
  Run("UPDATE blob_links SET collect_after = NULL");
  EXPECT_THAT(Codes({.repair = true}), ElementsAre("link_held_for_ever"));
  clock.Advance(hours(25));
  registry->CollectAll();
  EXPECT_EQ(FilesOnDisk(), 0);
  EXPECT_THAT(Codes(), IsEmpty());
}

TEST_F(FsckTest, ALinkThatLostItsBlobGoesAndNothingWaitsForTheBlob) {
  Must(registry->Push(*repository, layer));
  Run("DELETE FROM blobs");
  EXPECT_THAT(Codes(), ElementsAre("link_without_blob", "usage_does_not_add_up", "totals_do_not_add_up"));
  clock.Advance(hours(25));
  registry->CollectAll();
  EXPECT_EQ(CodeOf(registry->layers->Claim(*repository, layer_digest())), ErrorCode::kLayerNotFound);
  Must(registry->collection->RunSlice());
  EXPECT_EQ(registry->collection->due(), 0u);
}

TEST_F(FsckTest, ReferenceRowsFollowTheManifest) {
  Must(registry->PushImage(*repository, config, {layer}, "v1"));
  Run("DELETE FROM manifest_references WHERE kind = 2");
  EXPECT_THAT(Codes({.repair = true}), ElementsAre("references_differ_from_manifest"));
  EXPECT_THAT(Codes(), IsEmpty());
  Run("DELETE FROM manifests");
  EXPECT_THAT(Codes({.repair = true}),
              UnorderedElementsAre("references_without_image", "tag_without_image", "link_held_for_ever",
                                   "link_held_for_ever", "usage_does_not_add_up"));
  EXPECT_THAT(Codes(), ElementsAre("tag_without_image"));
}

// Pushed behind its manifest, or before such layers were held.
TEST_F(FsckTest, ALayerOfElsewhereThatNothingHoldsIsHeldByRepair) {
  Must(registry->Push(*repository, config));
  Must(registry->Put(*repository, TestRegistry::ManifestOfElsewhere(config, layer), "v1"));
  EXPECT_THAT(Codes(), IsEmpty());  // it need not be here
  Must(registry->Push(*repository, layer));
  EXPECT_THAT(Codes(), ElementsAre("layer_without_reference"));
  const Outcome repaired = Check({.repair = true});
  EXPECT_THAT(repaired.codes, ElementsAre("layer_without_reference"));
  EXPECT_EQ(repaired.repaired, 1);
  EXPECT_THAT(Codes(), IsEmpty());
  clock.Advance(hours(25));
  registry->CollectAll();
  EXPECT_EQ(Must(registry->Pull(*repository, layer_digest())), layer);
  EXPECT_EQ(CodeOf(registry->layers->Delete(*repository, layer_digest())), ErrorCode::kLayerReferenced);
}

TEST_F(FsckTest, AnArchivedImageNeedsNoLayerOfElsewhereAtHand) {
  Must(registry->Push(*repository, config));
  Must(registry->Put(*repository, TestRegistry::ManifestOfElsewhere(config, layer), "v1"));
  Must(registry->storage_classes->Update(*repository, {std::nullopt, ImageTag::Trusted("v1")},
                                         StorageClass::kArchive));
  Must(registry->Push(*repository, layer));
  EXPECT_THAT(Codes({.repair = true}), IsEmpty());
}

TEST_F(FsckTest, AWrapThatDoesNotOpenIsToldByHeadAndHealedByAPush) {
  const Digest digest = TestRegistry::DigestOf(layer);
  const RepositoryPtr other = registry->Create("team/other");
  Must(registry->PushImage(*repository, config, {layer}, "v1"));
  EXPECT_TRUE(Must(registry->layers->Mount(*repository, *other, digest)));
  Run("UPDATE blob_links SET wrapped_key = substr(wrapped_key, 2) WHERE collect_after IS NULL");
  EXPECT_EQ(CodeOf(registry->layers->Claim(*repository, digest)), ErrorCode::kKeyFailure);
  EXPECT_EQ(CodeOf(registry->layers->Open(*repository, digest)), ErrorCode::kKeyFailure);
  EXPECT_EQ(Must(registry->Pull(*other, digest)), layer);

  Must(registry->Push(*repository, layer));
  Must(registry->Push(*repository, config));
  registry->CollectAll();
  for (const RepositoryPtr& each : {repository, other}) EXPECT_EQ(Must(registry->Pull(*each, digest)), layer);
  EXPECT_TRUE(registry->layers->Claim(*repository, digest));
  EXPECT_THAT(Codes(), IsEmpty());
}

TEST_F(FsckTest, LinksAndWrapsAndManifestBytes) {
  Must(registry->PushImage(*repository, config, {layer}, "v1"));
  Run("UPDATE blob_links SET wrapped_key = substr(wrapped_key, 2) WHERE digest = (SELECT digest FROM blobs "
      "WHERE "
      "content IS NULL)");
  EXPECT_THAT(Codes(), ElementsAre("wrap_does_not_open"));
  Run("UPDATE manifests SET content = CAST('{}' AS BLOB)");
  EXPECT_THAT(Codes(), UnorderedElementsAre("wrap_does_not_open", "manifest_wrong_content"));
  Run("DELETE FROM blobs WHERE content IS NULL");
  EXPECT_THAT(Codes(), UnorderedElementsAre("link_without_blob", "manifest_wrong_content",
                                            "usage_does_not_add_up", "totals_do_not_add_up"));
}

TEST_F(FsckTest, FilesOfEarlierBootsThatNoRowNames) {
  Must(registry->Push(*repository, layer));
  std::ofstream(File().parent_path() / registry->blob_store->Create()->id.name()) << "x";
  EXPECT_THAT(Codes(), IsEmpty());  // it may yet be published
  Restart();
  EXPECT_THAT(Codes(), ElementsAre("file_without_row"));
  while (Must(registry->collection->SweepOrphans())) {
  }
  EXPECT_THAT(Codes(), IsEmpty());
}

TEST_F(FsckTest, FiguresThatDoNotAddUpAreCountedAnew) {
  Must(registry->PushImage(*repository, config, {layer}, "v1"));
  Run("UPDATE repository_usage SET unique_bytes = unique_bytes + 1");
  Run("UPDATE registry_usage SET blobs = 0");
  EXPECT_THAT(Codes({.repair = true}), ElementsAre("usage_does_not_add_up", "totals_do_not_add_up"));
  EXPECT_THAT(Codes(), IsEmpty());
}

TEST_F(FsckTest, AnInterruptedCheckGoesOn) {
  for (int i = 0; i < 100; ++i) Must(registry->Push(*repository, "blob " + std::to_string(i)));
  const Outcome whole = Check();
  FsckStep step;
  do step = Must(registry->fsck->Step({}));
  while (step.stage != "blobs");
  Restart();
  const FsckStep next = Must(registry->fsck->Step({}));
  EXPECT_EQ(next.stage, "blobs");
  EXPECT_GT(next.checked, step.checked);
  EXPECT_EQ(Check().checked, whole.checked);
  Must(registry->fsck->Step({}));
  EXPECT_EQ(Must(registry->fsck->Step({.restart = true})).stage, "files");
}

TEST_F(FsckTest, ADiskThatIsNotMountedIsNoDamage) {
  Must(registry->Push(*repository, layer));
  Restart();
  std::filesystem::rename(directory.File("blobs"), directory.File("unmounted"));
  std::filesystem::create_directory(directory.File("blobs"));
  EXPECT_EQ(CodeOf(registry->fsck->Step({.repair = true})), ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace entrepot::registry
