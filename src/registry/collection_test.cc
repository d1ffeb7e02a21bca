// Collection beyond what layers_test.cc shows of grace: artifacts, quarantine, faults, pause, and its cost.

#include "registry/collection.h"

#include <algorithm>
#include <functional>

#include <gtest/gtest.h>

#include "blobs/faulty_files.h"
#include "blobs/row_content.h"
#include "metadata/sql/statement_trace.h"
#include "registry/test_registry.h"

namespace entrepot::registry {
namespace {

using std::chrono::hours;

std::string WithAFile(char fill) { return std::string(blobs::kMaxRowContent + 1, fill); }

/// A store of whose user something happens just before its next write.
class WatchedStore final : public metadata::Store {
 public:
  explicit WatchedStore(metadata::Store& store) : store_(store) {}
  std::function<void()> before_write;

  metadata::VersionStripes& versions() override { return store_.versions(); }
  const Clock& clock() const override { return store_.clock(); }
  Timestamp StoreTime() const override { return store_.StoreTime(); }
  bool time_suspect() const override { return store_.time_suspect(); }
  void ConfirmTime() override { store_.ConfirmTime(); }
  std::uint32_t boot_epoch() const override { return store_.boot_epoch(); }
  const std::string& store_id() const override { return store_.store_id(); }
  std::size_t pending_writes() const override { return store_.pending_writes(); }
  bool broken() const override { return store_.broken(); }

 protected:
  Result<> RunWrite(std::function<Result<>(metadata::WriteTransaction&)> closure,
                    metadata::WritePriority priority) override {
    if (before_write) std::exchange(before_write, nullptr)();
    return store_.Write(std::move(closure), priority);
  }
  Result<> RunRead(std::function<Result<>(metadata::sql::Session&)> closure) override {
    return store_.Read(std::move(closure));
  }

 private:
  metadata::Store& store_;
};

class CollectionTest : public RegistryTest {
 protected:
  /// The manifest of an artifact about `subject`; its config is pushed.
  std::string Artifact(const std::string& subject, const std::string& config) {
    Must(registry->Push(*repository, config));
    std::string manifest = TestRegistry::ManifestOf(config, {});
    manifest.pop_back();
    return manifest + R"(,"subject":{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":")" +
           TestRegistry::DigestOf(subject).ToString() + R"(","size":)" + std::to_string(subject.size()) +
           "}}";
  }
  bool HasImage(const std::string& manifest) {
    return registry->images->Describe(*repository, {TestRegistry::DigestOf(manifest), std::nullopt})
        .has_value();
  }
  void DeleteImage(const std::string& manifest) {
    Must(registry->images->Delete(*repository, {TestRegistry::DigestOf(manifest), std::nullopt}, true));
  }
  std::int64_t Count(std::string_view query) {
    return Must(registry->store->Read([&](metadata::sql::Session& session) -> Result<std::int64_t> {
      metadata::sql::Cursor row = TRY(session.Query(query));
      TRY(row.Next());
      return row.Int(0);
    }));
  }
  std::string PushImage(const std::string& name) {
    Must(registry->PushImage(*repository, WithAFile('c') + name, {WithAFile('l') + name}, name));
    return TestRegistry::ManifestOf(WithAFile('c') + name, {WithAFile('l') + name});
  }

  std::vector<std::string> Findings() {
    std::vector<std::string> codes;
    for (bool done = false; !done;) {
      const FsckStep step = Must(registry->fsck->Step({.read_blobs = true}));
      for (const FsckFinding& finding : step.findings) codes.emplace_back(finding.code);
      done = step.done;
    }
    return codes;
  }

  RepositoryPtr repository = registry->Create("team/app");
};

TEST_F(CollectionTest, ArtifactsGoWithTheirSubjectWithinADay) {
  const std::string image = PushImage("v1");
  const std::string signature = Artifact(image, "signature"), attestation = Artifact(signature, "about it");
  Must(registry->Put(*repository, signature));
  Must(registry->Put(*repository, attestation, "kept-by-no-tag"));
  DeleteImage(image);
  registry->CollectAll();
  EXPECT_TRUE(HasImage(signature));  // not at once: the image may be pushed again
  clock.Advance(hours(12));
  registry->CollectAll();
  EXPECT_FALSE(HasImage(signature));
  EXPECT_TRUE(HasImage(attestation));
  clock.Advance(hours(12));
  registry->CollectAll();
  EXPECT_FALSE(HasImage(attestation));  // artifacts of artifacts follow
  EXPECT_EQ(registry->collection->counters().artifacts, 2u);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM ended_subjects"), 0);
  clock.Advance(hours(25));
  registry->CollectAll();
  EXPECT_EQ(Count("SELECT COUNT(*) FROM blobs"), 0);
}

TEST_F(CollectionTest, ArtifactsStayWhenTheSubjectIsBackOrAnIndexHoldsThemOrTheyCameLater) {
  const std::string image = PushImage("v1");
  const std::string before = Artifact(image, "before"), held = Artifact(image, "held");
  Must(registry->Put(*repository, before));
  Must(registry->Put(*repository, held));
  DeleteImage(image);
  PushImage("v1");
  clock.Advance(hours(13));
  registry->CollectAll();
  EXPECT_TRUE(HasImage(before));  // the subject came back

  Must(registry->Put(*repository, TestRegistry::IndexOf({held}), "index"));
  DeleteImage(image);
  clock.Advance(hours(1));
  const std::string later = Artifact(image, "later");
  Must(registry->Put(*repository, later));
  clock.Advance(hours(12));
  registry->CollectAll();
  EXPECT_FALSE(HasImage(before));
  EXPECT_TRUE(HasImage(held));
  EXPECT_TRUE(HasImage(later));
}

// Whoever may not distribute it does not push it; who does counts on it.
TEST_F(CollectionTest, ALayerOfElsewhereThatWasPushedIsHeldLikeAnyOther) {
  const std::string layer = WithAFile('l');
  const Digest digest = TestRegistry::DigestOf(layer);
  Must(registry->Push(*repository, layer));
  Must(registry->Push(*repository, "config"));
  const std::string manifest = TestRegistry::ManifestOfElsewhere("config", layer);
  Must(registry->Put(*repository, manifest, "v1"));
  clock.Advance(hours(25));
  registry->CollectAll();
  EXPECT_TRUE(Must(registry->Pull(*repository, digest)) == layer);
  EXPECT_EQ(CodeOf(registry->layers->Delete(*repository, digest)), ErrorCode::kLayerReferenced);
  EXPECT_TRUE(Findings().empty());
  DeleteImage(manifest);
  clock.Advance(hours(25));
  registry->CollectAll();
  EXPECT_EQ(FilesOnDisk(), 0);
}

TEST_F(CollectionTest, ALayerOfElsewhereMayComeLaterOrNever) {
  const std::string layer = WithAFile('l');
  Must(registry->Push(*repository, "config"));
  const std::string manifest = TestRegistry::ManifestOfElsewhere("config", layer);
  Must(registry->Put(*repository, manifest, "v1"));
  EXPECT_TRUE(Findings().empty());
  Must(registry->storage_classes->Update(*repository, {std::nullopt, ImageTag::Trusted("v1")},
                                         StorageClass::kArchive));
  registry->RunArchivist();
  Must(registry->storage_classes->Update(*repository, {std::nullopt, ImageTag::Trusted("v1")},
                                         StorageClass::kStandard));
  registry->RunArchivist();
  EXPECT_TRUE(Must(registry->images->Get(*repository, {std::nullopt, ImageTag::Trusted("v1")})));

  Must(registry->Push(*repository, layer));
  Must(registry->Put(*repository, manifest, "v1"));
  clock.Advance(hours(25));
  registry->CollectAll();
  EXPECT_TRUE(Must(registry->Pull(*repository, TestRegistry::DigestOf(layer))) == layer);
  EXPECT_TRUE(Findings().empty());
}

TEST_F(CollectionTest, ADamagedFileIsKeptForAMonthAndTheOneThatReplacedItStays) {
  const std::string layer = WithAFile('l');
  Must(registry->Push(*repository, layer));
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory.File("blobs")))
    if (entry.is_regular_file() && entry.path().filename() != "root-id")
      std::filesystem::resize_file(entry.path(), 100);
  Must(registry->Push(*repository, layer));
  clock.Advance(hours(1));
  registry->CollectAll();
  EXPECT_EQ(FilesOnDisk(), 2);
  EXPECT_TRUE(Must(registry->Pull(*repository, TestRegistry::DigestOf(layer))) == layer);
  Must(registry->Put(*repository, TestRegistry::ManifestOf(layer, {}), "v1"));
  clock.Advance(hours(30 * 24 - 2));
  registry->CollectAll();
  EXPECT_EQ(FilesOnDisk(), 2);
  clock.Advance(hours(2));
  registry->CollectAll();
  EXPECT_EQ(FilesOnDisk(), 1);
  EXPECT_TRUE(Must(registry->Pull(*repository, TestRegistry::DigestOf(layer))) == layer);
}

// What was due when it was listed is looked at again in the transaction that would remove it.
TEST_F(CollectionTest, ALayerThatAnImageTakesUpAtTheLastMomentStays) {
  WatchedStore store(*registry->store);
  Collection collection(store, registry->tiers(), *registry->keys, registry->grace, registry->outbox);
  const std::string layer = WithAFile('l');
  Must(registry->Push(*repository, layer));
  clock.Advance(hours(25));
  store.before_write = [&] { Must(registry->Put(*repository, TestRegistry::ManifestOf(layer, {}), "v1")); };
  while (Must(collection.RunSlice())) {
  }
  EXPECT_FALSE(store.before_write);
  EXPECT_EQ(collection.counters().links, 0u);
  EXPECT_TRUE(Must(registry->Pull(*repository, TestRegistry::DigestOf(layer))) == layer);
}

TEST_F(CollectionTest, PausedItRemovesNothingAndSaysWhatWaits) {
  Must(registry->Push(*repository, WithAFile('l')));
  Must(registry->Push(*repository, "small"));
  clock.Advance(hours(25));
  registry->collection->Pause();
  registry->CollectAll();
  EXPECT_EQ(FilesOnDisk(), 1);
  EXPECT_EQ(registry->collection->due(), 2u);
  const metadata::Reclaimable preview = Must(registry->collection->Preview());
  EXPECT_EQ(preview.links, 2);
  EXPECT_EQ(preview.files, 2);
  EXPECT_EQ(preview.bytes, static_cast<std::int64_t>(WithAFile('l').size() + 5));
  registry->collection->Resume();
  registry->CollectAll();
  EXPECT_EQ(FilesOnDisk(), 0);
  EXPECT_EQ(registry->collection->due(), 0u);
  EXPECT_EQ(registry->collection->counters().bytes, WithAFile('l').size() + 5);
  EXPECT_EQ(Must(registry->collection->Preview()).files, 0);
}

TEST_F(CollectionTest, PreviewCountsNoFileThatAnotherRepositoryHolds) {
  const RepositoryPtr other = registry->Create("team/other");
  Must(registry->Push(*repository, WithAFile('l')));
  clock.Advance(hours(20));
  Must(registry->Push(*other, WithAFile('l')));
  clock.Advance(hours(5));
  const metadata::Reclaimable preview = Must(registry->collection->Preview());
  EXPECT_EQ(preview.links, 1);
  EXPECT_EQ(preview.files, 0);
}

TEST_F(CollectionTest, AnUnlinkThatFailsKeepsNoOtherAndIsRepeated) {
  blobs::FaultyFiles files;
  Restart({.files = &files});
  repository = registry->Find("team/app");
  for (const char fill : {'a', 'b', 'c'}) Must(registry->Push(*repository, WithAFile(fill)));
  clock.Advance(hours(25));
  files.FailAt(blobs::FaultyFiles::Call::kUnlink, 2, EIO);
  registry->CollectAll();
  while (!files.failed()) registry->CollectAll();
  registry->CollectAll();
  EXPECT_EQ(FilesOnDisk(), 0);
  EXPECT_EQ(Count("SELECT COUNT(*) FROM blobs"), 0);
  EXPECT_GE(registry->collection->counters().failures, 1u);
}

TEST_F(CollectionTest, ADirectoryThatIsGoneWithItsFilesIsNoObstacle) {
  Must(registry->Push(*repository, WithAFile('l')));
  for (const auto& entry : std::filesystem::directory_iterator(directory.File("blobs")))
    if (entry.is_directory()) std::filesystem::remove_all(entry.path());
  clock.Advance(hours(25));
  registry->CollectAll();
  EXPECT_EQ(Count("SELECT COUNT(*) FROM blobs"), 0);
}

// Work lists hold only what changed, so reading one from its start is no walk over what is stored.
bool IsWorkList(const std::string& step) {
  return std::ranges::any_of(std::array{"store_facts", "collection_candidates", "SCAN c",
                                        "repository_remains", "gone", "due", "links", "candidates", "marked"},
                             [&](const char* name) { return step.find(name) != step.npos; });
}

TEST(CollectionCost, NoStatementWalksATable) {
  metadata::sql::TestDirectory directory;
  ManualClock clock;
  metadata::sql::StatementTrace trace;
  TestRegistry registry(directory, clock);
  const RepositoryPtr repository = registry.Create("team/app"), other = registry.Create("team/other");
  Must(registry.PushImage(*repository, "config", {WithAFile('l')}, "v1"));
  Must(registry.PushImage(*other, "config", {WithAFile('l')}, "v1"));
  Must(registry.images->Delete(*repository, {std::nullopt, ImageTag::Trusted("v1")}, true));
  Must(registry.repositories->Delete(TestRegistryName(), other->name, true));
  clock.Advance(hours(25));
  trace.Clear();
  registry.CollectAll();
  ASSERT_EQ(registry.collection->counters().blobs, 2u);
  const auto statements = trace.statements();
  ASSERT_GT(statements.size(), 15u);
  for (const std::string& statement : statements) {
    for (const std::string& step : metadata::sql::FullScans(directory.File("db"), statement))
      EXPECT_TRUE(IsWorkList(step)) << step << "\n  in " << statement;
    for (const std::string& step : metadata::sql::PlanOf(directory.File("db"), statement))
      EXPECT_FALSE(step.ends_with("(registry=?)")) << "all of a registry: " << step << "\n  in " << statement;
  }
}

}  // namespace
}  // namespace entrepot::registry
