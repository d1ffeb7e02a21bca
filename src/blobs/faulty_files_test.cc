// The seam itself: a crash test proves nothing if its crash keeps what a real one may lose.

#include "blobs/faulty_files.h"

#include <cerrno>

#include "blobs/test_support.h"

namespace entrepot::blobs {
namespace {

class FaultyFilesTest : public testing::Test {
 protected:
  std::string Content(const std::string& path) {
    auto file = PosixFiles().Open(path, Access::kRead);
    if (!file) return "(absent)";
    ByteVector content(100);
    content.resize(ReadFully(**file, 0, content).value());
    return std::string(AsText(content));
  }
  std::unique_ptr<File> Write(const std::string& path, std::string_view text) {
    auto file = files_.Create(path).value();
    EXPECT_TRUE(WriteFully(*file, 0, AsBytes(text)));
    return file;
  }

  TemporaryDirectory directory_;
  FaultyFiles files_;
};

TEST_F(FaultyFilesTest, CrashTakesUnsyncedContentBack) {
  const auto file = Write(directory_ / "a", "first");
  ASSERT_TRUE(file->Sync());
  ASSERT_TRUE(files_.SyncDirectory(directory_.path()));
  ASSERT_TRUE(WriteFully(*file, 0, AsBytes("second")));
  EXPECT_EQ(Content(directory_ / "a"), "second");
  files_.Crash();
  EXPECT_EQ(Content(directory_ / "a"), "first");
  EXPECT_FALSE(file->Sync());  // of the process that died
}

TEST_F(FaultyFilesTest, CrashTakesUnsyncedEntriesBack) {
  ASSERT_TRUE(Write(directory_ / "a", "content")->Sync());
  ASSERT_TRUE(files_.MakeDirectory(directory_ / "sub"));
  ASSERT_TRUE(Write(directory_ / "sub/b", "content")->Sync());
  ASSERT_TRUE(files_.SyncDirectory(directory_ / "sub"));
  files_.Crash();
  EXPECT_EQ(Content(directory_ / "a"), "(absent)");
  EXPECT_FALSE(std::filesystem::exists(directory_ / "sub"));
}

TEST_F(FaultyFilesTest, CrashBringsUnsyncedRemovalsBack) {
  ASSERT_TRUE(Write(directory_ / "a", "content")->Sync());
  ASSERT_TRUE(files_.SyncDirectory(directory_.path()));
  ASSERT_TRUE(files_.Unlink(directory_ / "a"));
  EXPECT_EQ(Content(directory_ / "a"), "(absent)");
  files_.Crash();
  EXPECT_EQ(Content(directory_ / "a"), "content");
  ASSERT_TRUE(files_.Unlink(directory_ / "a"));
  ASSERT_TRUE(files_.SyncDirectory(directory_.path()));
  files_.Crash();
  EXPECT_EQ(Content(directory_ / "a"), "(absent)");
}

TEST_F(FaultyFilesTest, AFailedSyncIsNeverMadeGoodByAnother) {
  const auto file = Write(directory_ / "a", "content");
  ASSERT_TRUE(files_.SyncDirectory(directory_.path()));
  files_.FailAt(FaultyFiles::Call::kSync, 1, EIO);
  EXPECT_EQ(file->Sync().error().number, EIO);
  EXPECT_TRUE(files_.failed());
  EXPECT_TRUE(file->Sync());  // the kernel says so
  files_.Crash();
  EXPECT_EQ(Content(directory_ / "a"), "");
}

TEST_F(FaultyFilesTest, ASeededCrashKeepsSomeBlocksAndIsRepeatable) {
  const auto run = [](std::uint64_t seed) {
    const TemporaryDirectory directory;
    FaultyFiles files;
    const auto file = files.Create(directory / "a").value();
    EXPECT_TRUE(WriteFully(*file, 0, ByteVector(64 * 4096, 1)));
    EXPECT_TRUE(file->Sync());
    EXPECT_TRUE(files.SyncDirectory(directory.path()));
    EXPECT_TRUE(WriteFully(*file, 0, ByteVector(64 * 4096, 2)));
    files.Crash(seed);
    ByteVector content(64 * 4096);
    EXPECT_TRUE(ReadFully(**PosixFiles().Open(directory / "a", Access::kRead), 0, content));
    return content;
  };
  const ByteVector once = run(5);
  EXPECT_TRUE(std::ranges::count(once, 1) > 0 && std::ranges::count(once, 2) > 0);
  EXPECT_EQ(once, run(5));
  EXPECT_NE(once, run(6));
}

TEST_F(FaultyFilesTest, StopAtStopsEverything) {
  files_.StopAt(2);
  const auto file = files_.Create(directory_ / "a").value();
  EXPECT_FALSE(file->WriteAt(0, AsBytes("x")));
  EXPECT_TRUE(files_.stopped());
  EXPECT_FALSE(files_.Create(directory_ / "b"));
  files_.Crash();
  EXPECT_FALSE(files_.stopped());
  EXPECT_TRUE(files_.Create(directory_ / "b"));
}

TEST_F(FaultyFilesTest, WritesCanBeShort) {
  files_.LimitWrites(3);
  const auto file = files_.Create(directory_ / "a").value();
  EXPECT_EQ(file->WriteAt(0, AsBytes("abcdef")).value(), 3u);
  ASSERT_TRUE(WriteFully(*file, 0, AsBytes("abcdefgh")));
  EXPECT_EQ(Content(directory_ / "a"), "abcdefgh");
}

}  // namespace
}  // namespace entrepot::blobs
