// Going on after a writer has gone gives what an uninterrupted writer gives, however the bytes were split.

#include <atomic>
#include <filesystem>
#include <functional>
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

// A writer whose lanes are on a pool, and the one that goes on from what it left.
class ResumesFromLanes : public testing::TestWithParam<std::uint64_t> {
 protected:
  void AppendInBlocks(std::size_t at, const std::function<void()>& after_each) {
    while (at < content_.size()) {
      const std::size_t length = std::min<std::size_t>(http::Block::kCapacity / 4, content_.size() - at);
      writer_->Append(BlockOf(Bytes(content_).subspan(at, length)));
      at += length;
      after_each();
    }
  }
  void GoOnFrom(Bytes state, std::uint64_t received) {
    const FileId id = writer_->file();
    writer_.reset();
    pool_.Stop();
    writer_ = BlobWriter::Resume(*store_, {id, kTestDomain, TestKey()}, state, {.writer_epoch = 2}).value();
    ASSERT_EQ(writer_->received(), received);
    ASSERT_TRUE(writer_->Append(Bytes(content_).subspan(received)));
    const Digest digest = Digest::Of(HashAlgorithm::kSha256, content_);
    const auto blob = writer_->Finish({&digest, 1});
    ASSERT_TRUE(blob) << blob.error().ToString();
    EXPECT_EQ(ReadBlob(*store_, *blob, TestKey()).value(), content_);
  }

  const ByteVector content_ = RandomContent((6u << 20) + GetParam() * 1000, GetParam());
  const TemporaryDirectory directory_;
  PosixFiles files_;
  const std::unique_ptr<BlobStore> store_ = OpenStore(files_, directory_);
  ThreadPool pool_{"lanes", 2, 1000};
  std::unique_ptr<BlobWriter> writer_ =
      BlobWriter::Begin(*store_, kTestDomain, TestKey(), {.pool = &pool_, .writer_epoch = 1}).value();
};
INSTANTIATE_TEST_SUITE_P(Seeds, ResumesFromLanes, testing::Range(1ul, 41ul));

// Checkpoints of what is written stand wherever both lanes happen to be.
TEST_P(ResumesFromLanes, AtACheckpointThatWaitedForNone) {
  BlobWriter::Checkpointed last;
  std::atomic<bool> enough = false;
  std::thread checkpoints([&] {
    while (!enough) {
      const auto point = writer_->Checkpoint(BlobWriter::Reach::kWritten).value();
      EXPECT_GE(point.received, last.received);
      last = point;
    }
  });
  AppendInBlocks(0, [] {});
  ASSERT_TRUE(writer_->WaitForRoom((GetParam() % 4) << 20));
  enough = true;
  checkpoints.join();
  GoOnFrom(last.state, last.received);
}

// The same of those that the lane makes; the state that the writer goes on from is of long before.
TEST_P(ResumesFromLanes, AtTheFilesOwnProgress) {
  EXPECT_FALSE(writer_->KeepAhead()) << "nothing names the file yet";
  ASSERT_TRUE(writer_->Append(Bytes(content_).first(100)));
  const ByteVector state = writer_->Checkpoint().value().state;
  AppendInBlocks(100, [&] { writer_->KeepAhead(); });
  writer_->WaitKept();
  const std::uint64_t kept = writer_->kept_ahead();
  ASSERT_TRUE(writer_->WaitForRoom(0));
  GoOnFrom(state, std::max<std::uint64_t>(kept, 100));
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
