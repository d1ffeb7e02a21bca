// The power fails at every call to the file system, and at every event of the database, while an image goes
// to the archive and comes back: nothing is lost, the work goes on, and nothing is left lying about
// (design-storage 1.15, 1.16).

#include <gtest/gtest.h>

#include "blobs/faulty_files.h"
#include "metadata/sql/faulty_vfs.h"
#include "registry/storage_class.h"
#include "registry/test_registry.h"

namespace entrepot::registry {
namespace {

using metadata::sql::FaultyVfs;

const std::string kLayer = std::string(150'000, 'l') + std::string(60'000, 'm');

int CountFiles(const metadata::sql::TestDirectory& directory, const std::string& tier) {
  int count = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory.File(tier)))
    count += entry.is_regular_file() && entry.path().filename() != "root-id";
  return count;
}

// Until nothing is left that can be done.
void Work(TestRegistry& registry) {
  while (registry.archivist->RunSlice().value_or(false)) {
  }
  while (registry.collection->RunSlice().value_or(false)) {
  }
}

class Life {
 public:
  explicit Life(std::string vfs_name) : vfs(std::move(vfs_name)) {
    TestRegistry registry(directory, clock, {.files = &files, .vfs = vfs.name()});
    const RepositoryPtr repository = registry.Create("team/app");
    image = Must(registry.PushImage(*repository, "config", {kLayer}, "v1")).digest;
  }

  Result<ImageStatus> Update(TestRegistry& registry, StorageClass target) {
    return registry.storage_classes->Update(*registry.Find("team/app"), {*image, std::nullopt}, target);
  }

  // To the archive and back, until the power fails.
  void Travel() {
    TestRegistry registry(directory, clock, {.files = &files, .vfs = vfs.name()});
    const RepositoryPtr repository = registry.Find("team/app");
    if (cut_files_at > 0) files.StopAt(cut_files_at);
    if (cut_database_at > 0) vfs.FailAt(FaultyVfs::Event::kAny, cut_database_at, FaultyVfs::Fault::kCrash);
    const auto update = [&](StorageClass target) {
      return registry.storage_classes->Update(*repository, {*image, std::nullopt}, target).has_value();
    };
    archived_told = update(StorageClass::kArchive);
    Work(registry);
    if (update(StorageClass::kStandard)) Work(registry);
    reached = files.stopped() || vfs.crashed();
    // The power is gone for both, whichever noticed it first.
    if (!vfs.crashed()) vfs.FailAt(FaultyVfs::Event::kAny, 1, FaultyVfs::Fault::kCrash);
    if (!files.stopped()) files.StopAt(1);
  }

  void Recover(int step) {
    files.Crash();
    vfs.Restart(FaultyVfs::Survival::kNothing);
    vfs.Mend();
    TestRegistry registry(directory, clock, {.files = &files, .vfs = vfs.name()});
    const RepositoryPtr repository = registry.Find("team/app");
    clock.Advance(std::chrono::minutes(10));  // what failed is tried again
    Work(registry);
    const ImageDetail detail = Must(registry.images->Describe(*repository, {*image, std::nullopt}));
    if (archived_told) EXPECT_TRUE(detail.last_archived_at) << step << ": an acknowledged change is lost";
    EXPECT_NE(detail.status, ImageStatus::kActivating) << step << ": it was not carried through";
    if (detail.status == ImageStatus::kArchived) {
      ASSERT_TRUE(Update(registry, StorageClass::kStandard)) << step;
      Work(registry);
    }
    const Result<std::string> content = registry.Pull(*repository, TestRegistry::DigestOf(kLayer));
    ASSERT_TRUE(content) << step << ": " << content.error().ToString();
    EXPECT_EQ(*content, kLayer) << step;
    while (Must(registry.collection->SweepOrphans())) {
    }
    EXPECT_EQ(CountFiles(directory, "blobs"), 1) << step;
    EXPECT_EQ(CountFiles(directory, "archive"), 0) << step;
    FsckStep check;
    do {
      check = Must(registry.fsck->Step({.read_blobs = true}));
      for (const FsckFinding& finding : check.findings)
        ADD_FAILURE() << step << ": " << finding.code << " " << finding.detail;
    } while (!check.done);
  }

  metadata::sql::TestDirectory directory;
  ManualClock clock;
  blobs::FaultyFiles files;
  FaultyVfs vfs;
  std::optional<Digest> image;
  int cut_files_at = 0, cut_database_at = 0;
  bool archived_told = false, reached = true;
};

TEST(ArchiveCrash, AtEveryCallToTheFileSystem) {
  int steps = 0;
  for (bool reached = true; reached && !testing::Test::HasFatalFailure(); ++steps) {
    Life life("archive-files-" + std::to_string(steps));
    life.cut_files_at = steps + 1;
    life.Travel();
    reached = life.reached;
    life.Recover(steps);
  }
  EXPECT_GT(steps, 15);  // the scenario really has that many calls
}

TEST(ArchiveCrash, AtEveryEventOfTheDatabase) {
  int steps = 0;
  for (bool reached = true; reached && !testing::Test::HasFatalFailure(); ++steps) {
    Life life("archive-database-" + std::to_string(steps));
    life.cut_database_at = steps + 1;
    life.Travel();
    reached = life.reached;
    life.Recover(steps);
  }
  EXPECT_GT(steps, 15);
}

}  // namespace
}  // namespace entrepot::registry
