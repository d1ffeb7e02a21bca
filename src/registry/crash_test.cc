// A push cut off by a power failure at every call to the file system and at every event of the database: what
// was acknowledged is there afterwards, byte for byte, and nothing is claimed that cannot be read
// (design-storage 1.16).

#include <gtest/gtest.h>

#include "blobs/faulty_files.h"
#include "metadata/sql/faulty_vfs.h"
#include "registry/test_registry.h"

namespace entrepot::registry {
namespace {

using metadata::sql::FaultyVfs;

const std::string kConfig = "config, which lies in its row", kSmall = std::string(6'000, 's'),
                  kLayer = std::string(150'000, 'l'), kBig = std::string((5u << 20) + 99, 'b');

// What the pushing client was told.
struct Acknowledged {
  bool repository = false, config = false, small = false, layer = false, big_progress = false, big = false,
       image = false;
};

// A client's push: a blob for a row, a small one with a file, one of several chunks, a large one in two
// requests with a checkpoint between, an image.
Acknowledged RunPush(TestRegistry& registry) {
  Acknowledged told;
  const auto created =
      registry.repositories->Create(TestRegistryName(), {.name = RepositoryName::Trusted("team/app")});
  if (!created) return told;
  told.repository = true;
  const Repository& repository = **created;
  told.config = registry.Push(repository, kConfig).has_value();
  told.small = registry.Push(repository, kSmall).has_value();
  told.layer = registry.Push(repository, kLayer).has_value();
  const UploadTicket ticket = registry.uploads->Open(repository, "AIDATEST");
  const std::size_t half = kBig.size() - 1000;
  told.big_progress =
      registry.uploads
          ->Append(repository, ticket, {0, std::nullopt}, BlockOf(std::string_view(kBig).substr(0, half)))
          .has_value();
  if (told.big_progress)
    told.big = registry.uploads
                   ->Append(repository, ticket, {half, TestRegistry::DigestOf(kBig)},
                            BlockOf(std::string_view(kBig).substr(half)))
                   .has_value();
  told.image =
      registry.Put(repository, TestRegistry::ManifestOf(kConfig, {kSmall, kLayer, kBig}), "v1").has_value();
  return told;
}

// After the restart: everything told is there, everything that is there can be read, and the push goes
// through.
void CheckRecovered(TestRegistry& registry, const Acknowledged& told, int step) {
  const auto found = registry.repositories->Find(TestRegistryName(), RepositoryName::Trusted("team/app"));
  ASSERT_TRUE(found || !told.repository) << step;
  const RepositoryPtr repository = found ? *found : registry.Create("team/app");
  struct Blob {
    const std::string& content;
    bool told;
  };
  for (const Blob& blob : {Blob{kConfig, told.config}, Blob{kSmall, told.small}, Blob{kLayer, told.layer},
                           Blob{kBig, told.big}}) {
    const Digest digest = TestRegistry::DigestOf(blob.content);
    const bool claimed = registry.layers->Claim(*repository, digest).has_value();
    EXPECT_TRUE(claimed || !blob.told)
        << step << ": an acknowledged layer of " << blob.content.size() << " bytes is lost";
    if (!claimed) continue;
    const Result<std::string> content = registry.Pull(*repository, digest);
    ASSERT_TRUE(content) << step << ": a claimed layer cannot be read: " << content.error().ToString();
    EXPECT_EQ(*content, blob.content) << step;
  }
  const auto image = registry.images->Get(*repository, {std::nullopt, ImageTag::Trusted("v1")});
  EXPECT_TRUE(image || !told.image) << step << ": an acknowledged image is lost";
  ASSERT_TRUE(registry.PushImage(*repository, kConfig, {kSmall, kLayer, kBig}, "v1")) << step;
  while (Must(registry.collection->SweepOrphans())) {
  }
}

int CountFiles(const metadata::sql::TestDirectory& directory) {
  int count = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory.File("blobs")))
    count += entry.is_regular_file() && entry.path().filename() != "root-id";
  return count;
}

// One life: a registry on fresh directories, cut off by `cut`, then recovery on what the disk kept.
class Life {
 public:
  explicit Life(std::string vfs_name) : vfs(std::move(vfs_name)) {
    TestRegistry(directory, clock, {.files = &files, .vfs = vfs.name()});  // the first start is done
  }
  template <class Scenario>
  auto Run(Scenario scenario) {
    TestRegistry registry(directory, clock, {.files = &files, .vfs = vfs.name()});
    if (cut_files_at > 0) files.StopAt(cut_files_at);
    if (cut_database_at > 0) vfs.FailAt(FaultyVfs::Event::kAny, cut_database_at, FaultyVfs::Fault::kCrash);
    const auto told = scenario(registry);
    reached = files.stopped() || vfs.crashed();
    // The power is gone for both, whichever noticed it first.
    if (!vfs.crashed()) vfs.FailAt(FaultyVfs::Event::kAny, 1, FaultyVfs::Fault::kCrash);
    if (!files.stopped()) files.StopAt(1);
    return told;
  }
  /// Back to what the disk kept.
  void Restart() {
    files.Crash(seed);
    vfs.Restart(FaultyVfs::Survival::kNothing);
    vfs.Mend();
  }
  void Recover(const Acknowledged& told, int step) {
    Restart();
    TestRegistry registry(directory, clock, {.files = &files, .vfs = vfs.name()});
    CheckRecovered(registry, told, step);
    clock.Advance(std::chrono::hours(25));  // a session that was checkpointed holds its file until then
    registry.CollectAll();
    EXPECT_EQ(CountFiles(directory), 3) << step << ": files without a row were left";
  }

  metadata::sql::TestDirectory directory;
  ManualClock clock;
  blobs::FaultyFiles files;
  FaultyVfs vfs;
  int cut_files_at = 0, cut_database_at = 0;
  std::uint64_t seed = 0;  // of what the disk keeps of files beside what was synced
  bool reached = true;
};

TEST(PushCrash, AtEveryCallToTheFileSystem) {
  int steps = 0;
  for (bool reached = true; reached && !testing::Test::HasFatalFailure(); ++steps) {
    Life life("push-files-" + std::to_string(steps));
    life.cut_files_at = steps + 1;
    const Acknowledged told = life.Run(RunPush);
    reached = life.reached;
    if (!reached) EXPECT_TRUE(told.image);
    life.Recover(told, steps);
  }
  EXPECT_GT(steps, 15);  // the scenario really has that many calls
}

TEST(PushCrash, AtEveryEventOfTheDatabase) {
  int steps = 0;
  for (bool reached = true; reached && !testing::Test::HasFatalFailure(); ++steps) {
    Life life("push-database-" + std::to_string(steps));
    life.cut_database_at = steps + 1;
    const Acknowledged told = life.Run(RunPush);
    reached = life.reached;
    if (!reached) EXPECT_TRUE(told.image);
    life.Recover(told, steps);
  }
  EXPECT_GT(steps, 15);
}

// An upload in chunks, whose checkpoints are made while more comes: what its client was told.
struct ChunksTold {
  bool repository = false, complete = false;
  UploadTicket ticket;
  std::uint64_t received = 0;
};

const std::string kChunked = Content((13u << 20) + 99);

ChunksTold RunChunks(TestRegistry& registry) {
  ChunksTold told;
  const auto created =
      registry.repositories->Create(TestRegistryName(), {.name = RepositoryName::Trusted("team/app")});
  if (!created) return told;
  told.repository = true;
  told.ticket = registry.uploads->Open(**created, "AIDATEST");
  constexpr std::size_t kChunk = 1 << 20;
  for (const std::string_view content = kChunked; told.received < content.size();) {
    const auto result = registry.StreamChunk(**created, told.ticket, {told.received, std::nullopt},
                                             content.substr(told.received, kChunk));
    if (!result) return told;
    told.received = result->received;
  }
  told.complete =
      registry.uploads
          ->Append(**created, told.ticket, {told.received, TestRegistry::DigestOf(kChunked)}, BlockOf(""))
          .has_value();
  return told;
}

// The session stands less than 4 MiB behind what was told, and goes on from there to the same layer. Only a
// failed sync may have ended it (design-storage 1.2, 1.10).
void CheckChunks(TestRegistry& registry, const ChunksTold& told, bool may_have_ended, int step) {
  if (!told.repository) return;
  const RepositoryPtr repository = registry.Find("team/app");
  const Digest digest = TestRegistry::DigestOf(kChunked);
  const auto status = registry.uploads->Status(*repository, told.ticket);
  if (status) {
    EXPECT_FALSE(told.complete) << step;
    EXPECT_LT(told.received, status->received + (4u << 20)) << step << ": acknowledged progress is lost";
    ASSERT_TRUE(registry.StreamChunk(*repository, told.ticket, {status->received, digest},
                                     std::string_view(kChunked).substr(status->received)))
        << step;
  } else if (!registry.layers->Claim(*repository, digest)) {
    EXPECT_TRUE(may_have_ended && !told.complete) << step;
    return;
  }
  EXPECT_EQ(Must(registry.Pull(*repository, digest)), kChunked) << step;
}

// Cuts one life after another at the next step that `cut` counts.
void CutChunksAtEvery(int Life::* cut, bool may_have_ended, const std::string& name) {
  int steps = 0;
  for (bool reached = true; reached && !testing::Test::HasFailure(); ++steps) {
    Life life(name + std::to_string(steps));
    life.*cut = steps + 1;
    life.seed = static_cast<std::uint64_t>(steps % 4);
    const ChunksTold told = life.Run(RunChunks);
    reached = life.reached;
    if (!reached) EXPECT_TRUE(told.complete);
    life.Restart();
    TestRegistry registry(life.directory, life.clock, {.files = &life.files, .vfs = life.vfs.name()});
    CheckChunks(registry, told, may_have_ended, steps);
  }
  EXPECT_GT(steps, 15);
}

TEST(ChunksCrash, AtEveryCallToTheFileSystem) {
  CutChunksAtEvery(&Life::cut_files_at, true, "chunks-files-");
}

TEST(ChunksCrash, AtEveryEventOfTheDatabase) {
  CutChunksAtEvery(&Life::cut_database_at, false, "chunks-database-");
}

}  // namespace
}  // namespace entrepot::registry
