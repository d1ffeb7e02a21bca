// Going on after a writer has gone gives what an uninterrupted writer gives, however the bytes were split.

#include <atomic>
#include <filesystem>
#include <thread>

#include "blobs/checkpoint.h"
#include "blobs/layout.h"
#include "blobs/test_support.h"

namespace entrepot::blobs {
namespace {

class Resumes : public testing::TestWithParam<std::uint64_t> {};
INSTANTIATE_TEST_SUITE_P(Seeds, Resumes, testing::Range(1ul, 41ul));

TEST_P(Resumes, EqualAnUninterruptedUpload) {
  std::mt19937_64 random(GetParam());
  const Suite suite = random() % 3 == 0 ? Suite::kPlain : Suite::kAes256Gcm;
  const std::size_t chunk = ChunkContent(suite);
  const std::size_t size = random() % 4 == 0 ? chunk * (random() % 5) : random() % (50 * chunk);
  const bool sha512 = random() % 2 == 0;
  const ByteVector content = RandomContent(size, GetParam());

  const TemporaryDirectory directory;
  PosixFiles files;
  const auto store = OpenStore(files, directory);
  std::set<std::pair<Salt, std::uint64_t>> sealed;
  WriterOptions options;
  options.sha512 = sha512;
  options.hooks.on_seal = [&](const Salt& salt, std::uint64_t number, bool) {
    EXPECT_TRUE(sealed.emplace(salt, number).second);
  };
  options.writer_epoch = 1;
  auto writer = BlobWriter::Begin(*store, kTestDomain, KeyFor(suite), options).value();
  const FileId id = writer->file();
  std::optional<BlobWriter::Checkpointed> last;
  std::uint64_t kept_ahead = 0;
  int interruptions = 0;
  while (writer->received() < size || (interruptions < 3 && random() % 2 == 0)) {
    const std::size_t at = writer->received();
    const std::size_t most = random() % 3 == 0 ? 3 * chunk : random() % 3 == 0 ? 100 : chunk;
    const std::size_t length = std::min<std::size_t>(random() % (most + 1), size - at);
    ASSERT_TRUE(writer->Append(Bytes(content).subspan(at, length)));
    if (random() % 3 == 0) {
      const bool whole = random() % 2 == 0;
      const auto point =
          writer->Checkpoint(whole ? BlobWriter::Reach::kEverything : BlobWriter::Reach::kWritten).value();
      EXPECT_LE(writer->received() - point.received, whole ? 0 : RunContent(suite));
      EXPECT_GE(point.received, last ? last->received : 0);
      last = point;
    }
    if (last && random() % 3 == 0 && writer->KeepAhead()) {
      EXPECT_LE(writer->kept_ahead(), writer->received());
      kept_ahead = std::max(kept_ahead, writer->kept_ahead());
    }
    if (last && interruptions < 8 && random() % 4 == 0) {
      writer.reset();
      ++options.writer_epoch;
      ++interruptions;
      const std::uint64_t reached = std::max(last->received, kept_ahead);
      EXPECT_EQ(BlobWriter::Reached(*store, {id, kTestDomain, KeyFor(suite)}, last->state).value(), reached);
      auto resumed = BlobWriter::Resume(*store, {id, kTestDomain, KeyFor(suite)}, last->state, options);
      ASSERT_TRUE(resumed) << resumed.error().ToString();
      writer = *std::move(resumed);
      ASSERT_EQ(writer->received(), reached);
    }
  }
  std::vector<Digest> expected = {Digest::Of(HashAlgorithm::kSha256, content)};
  if (sha512) expected.push_back(Digest::Of(HashAlgorithm::kSha512, content));
  const auto blob = writer->Finish(expected);
  ASSERT_TRUE(blob) << blob.error().ToString();
  EXPECT_EQ(std::filesystem::file_size(PathOf(*store, id)), FileLength(suite, size));
  EXPECT_EQ(ReadBlob(*store, *blob, KeyFor(suite)).value(), content);
}

// Checkpoints of what is written stand wherever both lanes happen to be.
TEST_P(Resumes, FromACheckpointThatWaitedForNoLane) {
  const ByteVector content = RandomContent((5u << 20) + GetParam() * 1000, GetParam());
  const TemporaryDirectory directory;
  PosixFiles files;
  const auto store = OpenStore(files, directory);
  ThreadPool pool("lanes", 2, 1000);
  WriterOptions options;
  options.pool = &pool;
  options.writer_epoch = 1;
  auto writer = BlobWriter::Begin(*store, kTestDomain, TestKey(), options).value();
  BlobWriter::Checkpointed last;
  std::atomic<bool> enough = false;
  std::thread checkpoints([&] {
    while (!enough) {
      const auto point = writer->Checkpoint(BlobWriter::Reach::kWritten).value();
      EXPECT_GE(point.received, last.received);
      last = point;
    }
  });
  for (std::size_t at = 0; at < content.size();) {
    const std::size_t length = std::min<std::size_t>(http::Block::kCapacity / 4, content.size() - at);
    writer->Append(BlockOf(Bytes(content).subspan(at, length)));
    at += length;
  }
  ASSERT_TRUE(writer->WaitForRoom((GetParam() % 4) << 20));
  enough = true;
  checkpoints.join();
  const FileId id = writer->file();
  writer.reset();
  pool.Stop();

  options = {.writer_epoch = 2};
  writer = BlobWriter::Resume(*store, {id, kTestDomain, TestKey()}, last.state, options).value();
  ASSERT_EQ(writer->received(), last.received);
  ASSERT_TRUE(writer->Append(Bytes(content).subspan(last.received)));
  const Digest digest = Digest::Of(HashAlgorithm::kSha256, content);
  const auto blob = writer->Finish({&digest, 1});
  ASSERT_TRUE(blob) << blob.error().ToString();
  EXPECT_EQ(ReadBlob(*store, *blob, TestKey()).value(), content);
}

// The same of those that the lane makes; the state that the writer goes on from is of long before.
TEST_P(Resumes, FromTheFilesOwnProgress) {
  const ByteVector content = RandomContent((7u << 20) + GetParam() * 1000, GetParam());
  const TemporaryDirectory directory;
  PosixFiles files;
  const auto store = OpenStore(files, directory);
  ThreadPool pool("lanes", 2, 1000);
  WriterOptions options;
  options.pool = &pool;
  options.writer_epoch = 1;
  auto writer = BlobWriter::Begin(*store, kTestDomain, TestKey(), options).value();
  EXPECT_FALSE(writer->KeepAhead()) << "nothing names the file yet";
  ASSERT_TRUE(writer->Append(Bytes(content).first(100)));
  const ByteVector state = writer->Checkpoint().value().state;
  for (std::size_t at = 100; at < content.size();) {
    const std::size_t length = std::min<std::size_t>(http::Block::kCapacity / 4, content.size() - at);
    writer->Append(BlockOf(Bytes(content).subspan(at, length)));
    writer->KeepAhead();
    at += length;
  }
  writer->WaitKept();
  const std::uint64_t kept = writer->kept_ahead();
  const FileId id = writer->file();
  ASSERT_TRUE(writer->WaitForRoom(0));
  writer.reset();
  pool.Stop();

  options = {.writer_epoch = 2};
  writer = BlobWriter::Resume(*store, {id, kTestDomain, TestKey()}, state, options).value();
  ASSERT_EQ(writer->received(), std::max<std::uint64_t>(kept, 100));
  ASSERT_TRUE(writer->Append(Bytes(content).subspan(writer->received())));
  const Digest digest = Digest::Of(HashAlgorithm::kSha256, content);
  const auto blob = writer->Finish({&digest, 1});
  ASSERT_TRUE(blob) << blob.error().ToString();
  EXPECT_EQ(ReadBlob(*store, *blob, TestKey()).value(), content);
}

TEST(Resume, ACheckpointOfWhatIsWrittenIsSmall) {
  const TemporaryDirectory directory;
  PosixFiles files;
  const auto store = OpenStore(files, directory);
  const auto writer = BlobWriter::Begin(*store, kTestDomain, TestKey()).value();
  ASSERT_TRUE(writer->Append(RandomContent((1u << 20) + 30'000)));
  EXPECT_LT(writer->Checkpoint(BlobWriter::Reach::kWritten).value().state.size(), 500u);
}

class DamagedSession : public testing::Test {
 protected:
  static constexpr std::size_t kChunk = ChunkContent(Suite::kAes256Gcm);

  void SetUp() override {
    WriterOptions options;
    options.writer_epoch = 4;
    auto writer = BlobWriter::Begin(*store_, kTestDomain, TestKey(), options).value();
    ASSERT_TRUE(writer->Append(RandomContent(3 * kChunk + 10)));
    checkpoint_ = writer->Checkpoint().value().state;
    id_ = writer->file();
  }
  ErrorCode Resume(std::int64_t epoch = 5, std::optional<SecretKey> key = TestKey(),
                   DomainId domain = kTestDomain) {
    WriterOptions options;
    options.writer_epoch = epoch;
    const auto resumed = BlobWriter::Resume(*store_, {*id_, domain, std::move(key)}, checkpoint_, options);
    return resumed ? ErrorCode::kInternal : resumed.error().code();
  }
  std::string path() const { return PathOf(*store_, *id_); }

  TemporaryDirectory directory_;
  PosixFiles files_;
  std::unique_ptr<BlobStore> store_ = OpenStore(files_, directory_);
  std::optional<FileId> id_;
  ByteVector checkpoint_;
};

TEST_F(DamagedSession, AShorterFile) {
  std::filesystem::resize_file(path(), ChunkOffset(3) - 1);
  EXPECT_EQ(Resume(), ErrorCode::kDamaged);
}

TEST_F(DamagedSession, AMissingFile) {
  std::filesystem::remove(path());
  EXPECT_EQ(Resume(), ErrorCode::kDamaged);
}

TEST_F(DamagedSession, AnotherFileUnderItsName) {
  const FinishedBlob other = WriteBlob(*store_, kTestDomain, TestKey(), RandomContent(5 * kChunk)).value();
  std::filesystem::copy_file(PathOf(*store_, other.file), path(),
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_EQ(Resume(), ErrorCode::kDamaged);
}

TEST_F(DamagedSession, AnotherDomainOrKey) {
  EXPECT_EQ(Resume(5, TestKey(), DomainId{7, 8}), ErrorCode::kDamaged);
  EXPECT_EQ(Resume(5, TestKey(1)), ErrorCode::kDamaged);
  EXPECT_EQ(Resume(5, std::nullopt), ErrorCode::kKeyFailure);
}

TEST_F(DamagedSession, AWriterThatWasOvertaken) {
  EXPECT_EQ(Resume(4), ErrorCode::kUnavailable);
  EXPECT_EQ(Resume(3), ErrorCode::kUnavailable);
}

TEST_F(DamagedSession, ALongerFileIsCutBack) {
  // What an overtaken or crashed writer wrote behind the checkpoint does not stay.
  const auto file = files_.Open(path(), Access::kReadWrite).value();
  ASSERT_TRUE(WriteFully(*file, ChunkOffset(3), RandomContent(300'000)));
  WriterOptions options;
  options.writer_epoch = 5;
  auto writer = BlobWriter::Resume(*store_, {*id_, kTestDomain, TestKey()}, checkpoint_, options).value();
  const auto blob = writer->Finish().value();
  EXPECT_EQ(ReadBlob(*store_, blob, TestKey()).value(), RandomContent(3 * kChunk + 10));
}

}  // namespace
}  // namespace entrepot::blobs
