// What an upload's file says of its own progress is believed as far as the content proves it.

#include "blobs/progress.h"

#include <cerrno>
#include <filesystem>

#include "blobs/faulty_files.h"
#include "blobs/test_support.h"

namespace entrepot::blobs {
namespace {

class ProgressOfAFile : public testing::TestWithParam<Suite> {
 protected:
  static constexpr std::size_t kRun = 16 * kChunkOnDisk;

  void SetUp() override {
    writer_ = BlobWriter::Begin(*store_, kTestDomain, KeyFor(suite()), {.writer_epoch = 1}).value();
    id_ = writer_->file();
    Append(100);
    state_ = writer_->Checkpoint().value().state;
  }
  Suite suite() const { return GetParam(); }
  void Append(std::size_t length) {
    ASSERT_TRUE(writer_->Append(Bytes(content_).subspan(writer_->received(), length)));
  }
  /// Received, at the record that was made; 0 when none was.
  std::uint64_t Keep() {
    const std::uint64_t before = writer_->kept_ahead();
    EXPECT_TRUE(writer_->KeepAhead());
    return writer_->kept_ahead() == before ? 0 : writer_->kept_ahead();
  }
  Result<std::uint64_t> Reached(DomainId domain = kTestDomain) {
    return BlobWriter::Reached(*store_, {*id_, domain, KeyFor(suite())}, state_);
  }
  void Spoil(std::uint64_t offset, std::size_t length = 1) {
    const auto file = files_.Open(PathOf(*store_, *id_), Access::kReadWrite).value();
    ASSERT_TRUE(WriteFully(*file, offset, ByteVector(length, 0)));
  }

  const ByteVector content_ = RandomContent(24 * kRun);
  TemporaryDirectory directory_;
  FaultyFiles files_;
  std::unique_ptr<BlobStore> store_ = OpenStore(files_, directory_);
  std::unique_ptr<BlobWriter> writer_;
  std::optional<FileId> id_;
  ByteVector state_;
};

INSTANTIATE_TEST_SUITE_P(Suites, ProgressOfAFile, testing::Values(Suite::kPlain, Suite::kAes256Gcm),
                         [](const auto& one) { return one.param == Suite::kPlain ? "Plain" : "Aes"; });

TEST_P(ProgressOfAFile, CostsAWriteAndASync) {
  Append(2 * kRun);
  const int before = files_.calls();
  EXPECT_GT(Keep(), kRun);
  EXPECT_EQ(files_.calls() - before, 2);
}

TEST_P(ProgressOfAFile, OutlivesAPowerFailure) {
  Append(2 * kRun);
  const std::uint64_t kept = Keep();
  Append(2 * kRun);
  files_.Crash();
  EXPECT_EQ(Reached().value(), kept);
}

TEST_P(ProgressOfAFile, GoesBackToTheOlderRecordAndThenToTheState) {
  Append(2 * kRun);
  const std::uint64_t first = Keep();
  Append(2 * kRun);
  const std::uint64_t second = Keep();
  ASSERT_GT(second, first);
  EXPECT_EQ(Reached().value(), second);
  Spoil(kProgressOffset + 1536 + 100);  // the second one's slot
  EXPECT_EQ(Reached().value(), first);
  Spoil(kProgressOffset + 100);
  EXPECT_EQ(Reached().value(), 100u);
}

TEST_P(ProgressOfAFile, IsNotBelievedWithoutItsContent) {
  Append(2 * kRun);
  const std::uint64_t first = Keep();
  Append(2 * kRun);
  const std::uint64_t second = Keep();
  Spoil(ChunkOffset(second / ChunkContent(suite()) - 1) + 1000, 50);
  EXPECT_EQ(Reached().value(), first);
  Spoil(ChunkOffset(2), 50);
  EXPECT_EQ(Reached().value(), 100u);
}

TEST_P(ProgressOfAFile, IsNotBelievedOfAShorterFile) {
  Append(2 * kRun);
  const std::uint64_t first = Keep();
  Append(2 * kRun);
  const std::uint64_t second = Keep();
  std::filesystem::resize_file(PathOf(*store_, *id_), ChunkOffset(second / ChunkContent(suite())) - 1);
  EXPECT_EQ(Reached().value(), first);
}

TEST_P(ProgressOfAFile, OfAnotherFileOrDomainIsNone) {
  Append(2 * kRun);
  ASSERT_GT(Keep(), 0u);
  EXPECT_EQ(Reached(DomainId{7, 8}).value(), 100u);
  const std::string stolen = PathOf(*store_, *id_);
  writer_ = BlobWriter::Begin(*store_, kTestDomain, KeyFor(suite()), {.writer_epoch = 1}).value();
  id_ = writer_->file();
  Append(100);
  state_ = writer_->Checkpoint().value().state;
  std::filesystem::copy_file(stolen, PathOf(*store_, *id_),
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_EQ(Reached().value(), 100u);
}

// A record whose proof would have to read much of the file is not made: a Checkpoint is.
TEST_P(ProgressOfAFile, EndsWhereItsProofWouldBeLong) {
  Append(18 * kRun);
  EXPECT_EQ(Keep(), 0u);
  ASSERT_TRUE(writer_->Checkpoint());
  Append(2 * kRun);
  EXPECT_GT(Keep(), 18 * kRun - kChunkOnDisk);
}

// The slot of the record that a writer went on from is not the next one's.
TEST_P(ProgressOfAFile, AWriterThatGoesOnKeepsWhatItCameFrom) {
  std::int64_t epoch = 1;
  const auto go_on = [&] {
    return BlobWriter::Resume(*store_, {*id_, kTestDomain, KeyFor(suite())}, state_,
                              {.writer_epoch = ++epoch})
        .value();
  };
  for (int round = 0; round < 3; ++round) {
    Append(2 * kRun);
    ASSERT_GT(Keep(), 0u);
    const std::uint64_t before = Reached().value();
    writer_ = go_on();
    ASSERT_EQ(writer_->received(), before);
    Append(2 * kRun);
    const std::uint64_t after = Keep();
    ASSERT_GT(after, before);
    EXPECT_EQ(Reached().value(), after);
    Spoil(ChunkOffset(after / ChunkContent(suite()) - 1) + 1000, 50);
    EXPECT_EQ(Reached().value(), before);
    writer_ = go_on();
    ASSERT_EQ(writer_->received(), before);
  }
  Append(content_.size() - writer_->received());
  const Digest digest = Digest::Of(HashAlgorithm::kSha256, content_);
  const auto blob = writer_->Finish({&digest, 1});
  ASSERT_TRUE(blob) << blob.error().ToString();
  EXPECT_EQ(ReadBlob(*store_, *blob, KeyFor(suite())).value(), content_);
}

// A killed process may have left record and content in memory alone: who goes on from them makes them
// durable, since the next record's proof begins there.
TEST_P(ProgressOfAFile, IsMadeDurableByWhoGoesOnFromIt) {
  Append(2 * kRun);
  const std::uint64_t kept = Keep();
  const auto file = files_.Open(PathOf(*store_, *id_), Access::kReadWrite).value();
  ByteVector stored(file->Status().value().size);
  ASSERT_TRUE(ReadFully(*file, 0, stored));
  ASSERT_TRUE(file->Truncate(0));
  ASSERT_TRUE(file->Sync());
  ASSERT_TRUE(WriteFully(*file, 0, stored));
  writer_ =
      BlobWriter::Resume(*store_, {*id_, kTestDomain, KeyFor(suite())}, state_, {.writer_epoch = 2}).value();
  ASSERT_EQ(writer_->received(), kept);
  files_.Crash();
  EXPECT_EQ(Reached().value(), kept);
}

// Of a sync that failed nothing is kept, and no later one says that it was (design-storage 1.10).
TEST_P(ProgressOfAFile, AFailedSyncEndsTheUpload) {
  Append(2 * kRun);
  files_.FailAt(FaultyFiles::Call::kSync, 1, EIO);
  EXPECT_EQ(Keep(), 0u);
  EXPECT_TRUE(writer_->failed());
  EXPECT_FALSE(writer_->resumable());
  EXPECT_FALSE(writer_->Checkpoint());
  const Digest digest = Digest::Of(HashAlgorithm::kSha256, Bytes(content_).first(writer_->received()));
  EXPECT_FALSE(writer_->Finish({&digest, 1}));
}

TEST_P(ProgressOfAFile, IsSealed) {
  Append(2 * kRun);
  ASSERT_GT(Keep(), 0u);
  const ByteVector state = writer_->Checkpoint(BlobWriter::Reach::kWritten).value().state;
  Header stored;
  const auto file = files_.Open(PathOf(*store_, *id_), Access::kRead).value();
  ASSERT_TRUE(ReadFully(*file, 0, stored));
  const auto found = std::ranges::search(stored, Bytes(state).first(17)).begin();  // version and file id
  EXPECT_EQ(found, stored.end());
}

}  // namespace
}  // namespace entrepot::blobs
