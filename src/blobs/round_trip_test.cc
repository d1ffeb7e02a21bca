// What is written comes back, whole and in ranges, whichever way it arrived; and what was altered does not.

#include <filesystem>
#include <fstream>
#include <thread>

#include "blobs/test_support.h"

namespace entrepot::blobs {
namespace {

class RoundTrip : public testing::TestWithParam<Suite> {
 protected:
  Suite suite() const { return GetParam(); }
  std::size_t chunk() const { return ChunkContent(suite()); }
  FinishedBlob Write(Bytes content) {
    auto blob = WriteBlob(*store_, kTestDomain, KeyFor(suite()), content);
    if (!blob) throw std::runtime_error(blob.error().ToString());
    return *std::move(blob);
  }

  TemporaryDirectory directory_;
  PosixFiles files_;
  std::unique_ptr<BlobStore> store_ = OpenStore(files_, directory_);
};

INSTANTIATE_TEST_SUITE_P(Suites, RoundTrip, testing::Values(Suite::kPlain, Suite::kAes256Gcm),
                         [](const auto& info) { return info.param == Suite::kPlain ? "Plain" : "Aes"; });

TEST_P(RoundTrip, EverySizeAroundTheBoundaries) {
  const std::size_t sizes[] = {0,
                               1,
                               chunk() - 1,
                               chunk(),
                               chunk() + 1,
                               2 * chunk() - 1,
                               2 * chunk(),
                               2 * chunk() + 1,
                               16 * chunk(),
                               16 * chunk() + 1,
                               33 * chunk() + 5};
  for (const std::size_t size : sizes) {
    const ByteVector content = RandomContent(size, size);
    const FinishedBlob blob = Write(content);
    EXPECT_EQ(blob.size, size);
    EXPECT_EQ(blob.digest, Digest::Of(HashAlgorithm::kSha256, content));
    EXPECT_EQ(std::filesystem::file_size(PathOf(*store_, blob.file)), FileLength(suite(), size));
    EXPECT_EQ(ReadBlob(*store_, blob, KeyFor(suite())).value(), content) << size;
  }
}

TEST_P(RoundTrip, RangesAndStreams) {
  const ByteVector content = RandomContent(5 * chunk() + 1234);
  const FinishedBlob blob = Write(content);
  const auto reader = OpenBlob(*store_, blob, KeyFor(suite())).value();
  std::mt19937_64 random(3);
  for (int i = 0; i < 60; ++i) {
    const std::size_t offset = random() % content.size(), length = random() % (content.size() - offset + 1);
    const std::size_t step = 1 + random() % (i % 2 == 0 ? 1000 + length : 200'000);
    const auto source = reader->Stream(offset, length);
    EXPECT_EQ(source->length(), length);
    ByteVector read(length);
    for (std::size_t at = 0; at < length;) {
      const std::size_t count =
          source->Read(MutableBytes(read).subspan(at, std::min(step, length - at))).value();
      // Less only so as to end with a chunk.
      if (count < std::min(step, length - at)) {
        ASSERT_GT(count, 0u);
        ASSERT_EQ((offset + at + count) % chunk(), 0u);
        ASSERT_EQ(suite(), Suite::kAes256Gcm);
      }
      at += count;
    }
    ASSERT_TRUE(std::ranges::equal(read, Bytes(content).subspan(offset, length))) << offset << ' ' << length;
    std::uint8_t more;
    EXPECT_EQ(source->Read({&more, 1}).value(), 0u);
  }
  ByteVector tail(100);
  EXPECT_EQ(reader->Read(content.size() - 10, tail).value(), 10u);
  EXPECT_EQ(reader->Read(content.size() + 10, tail).value(), 0u);
}

TEST_P(RoundTrip, AnyBitThatChangesIsRefusedOrHarmless) {
  const ByteVector content = RandomContent(2 * chunk() + 100);
  const FinishedBlob blob = Write(content);
  const std::string path = PathOf(*store_, blob.file);
  const std::uint64_t length = std::filesystem::file_size(path);
  std::mt19937_64 random(4);
  std::vector<std::uint64_t> places = {0,   8,    10,   15,   16,   32,    48,    80,        111,
                                       112, 1023, 1024, 4095, 4096, 69631, 69632, length - 1};
  for (int i = 0; i < 60; ++i) places.push_back(random() % length);
  for (const std::uint64_t place : places) {
    const auto file = files_.Open(path, Access::kReadWrite).value();
    std::uint8_t byte;
    ASSERT_TRUE(file->ReadAt(place, {&byte, 1}));
    const std::uint8_t altered = byte ^ static_cast<std::uint8_t>(1u << (random() % 8));
    ASSERT_TRUE(file->WriteAt(place, {&altered, 1}));
    const auto read = ReadBlob(*store_, blob, KeyFor(suite()));
    // The plain suite trusts the disk below for the content; its header is checked all the same. What an
    // upload kept behind the header is nothing to a reader.
    const bool progress = place >= kProgressOffset && place < kHeaderLength;
    if (progress || (suite() == Suite::kPlain && place >= kHeaderLength)) {
      ASSERT_TRUE(read) << place;
    } else {
      ASSERT_FALSE(read) << place;
      EXPECT_EQ(read.error().code(), ErrorCode::kDamaged);
    }
    ASSERT_TRUE(file->WriteAt(place, {&byte, 1}));
  }
  EXPECT_EQ(ReadBlob(*store_, blob, KeyFor(suite())).value(), content);
}

TEST_P(RoundTrip, AnotherLengthIsRefused) {
  const FinishedBlob blob = Write(RandomContent(2 * chunk()));
  const std::string path = PathOf(*store_, blob.file);
  const std::uint64_t length = std::filesystem::file_size(path);
  for (const std::uint64_t wrong :
       {length - 1, length + 1, length - kChunkOnDisk, std::uint64_t{4096}, std::uint64_t{0}}) {
    std::filesystem::resize_file(path, wrong);
    EXPECT_EQ(ReadBlob(*store_, blob, KeyFor(suite())).error().code(), ErrorCode::kDamaged) << wrong;
  }
}

TEST_P(RoundTrip, TheFileOfAnotherBlobIsRefused) {
  const FinishedBlob one = Write(RandomContent(100, 1)), other = Write(RandomContent(100, 2));
  std::filesystem::copy_file(PathOf(*store_, other.file), PathOf(*store_, one.file),
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_EQ(ReadBlob(*store_, one, KeyFor(suite())).error().code(), ErrorCode::kDamaged);

  const std::shared_ptr<File> file = store_->Open(other.file, Access::kRead).value();
  EXPECT_EQ(BlobReader::Open(file, {other.file, DomainId{7, 10}, KeyFor(suite())}, other.layout, 100)
                .error()
                .code(),
            ErrorCode::kDamaged);
  FinishedBlob renamed = other;
  renamed.layout = one.layout;  // another salt
  EXPECT_EQ(ReadBlob(*store_, renamed, KeyFor(suite())).error().code(), ErrorCode::kDamaged);
}

TEST_P(RoundTrip, AKeyThatDoesNotBelongToTheSuiteIsAKeyFailure) {
  const FinishedBlob blob = Write(RandomContent(10));
  const auto wrong = suite() == Suite::kPlain ? std::optional(TestKey()) : std::nullopt;
  EXPECT_EQ(ReadBlob(*store_, blob, wrong).error().code(), ErrorCode::kKeyFailure);
}

TEST(Aes, ChunksCannotBeSwappedOrCutOff) {
  const TemporaryDirectory directory;
  PosixFiles files;
  const auto store = OpenStore(files, directory);
  constexpr std::size_t kChunk = ChunkContent(Suite::kAes256Gcm);
  const FinishedBlob blob = WriteBlob(*store, kTestDomain, TestKey(), RandomContent(3 * kChunk)).value();
  const auto file = files.Open(PathOf(*store, blob.file), Access::kReadWrite).value();
  ByteVector first(kChunkOnDisk), second(kChunkOnDisk);
  ASSERT_TRUE(ReadFully(*file, ChunkOffset(0), first));
  ASSERT_TRUE(ReadFully(*file, ChunkOffset(1), second));
  ASSERT_TRUE(WriteFully(*file, ChunkOffset(0), second));
  ASSERT_TRUE(WriteFully(*file, ChunkOffset(1), first));
  EXPECT_EQ(ReadBlob(*store, blob, TestKey()).error().code(), ErrorCode::kDamaged);
  ASSERT_TRUE(WriteFully(*file, ChunkOffset(0), first));
  ASSERT_TRUE(WriteFully(*file, ChunkOffset(1), second));
  ASSERT_TRUE(ReadBlob(*store, blob, TestKey()));

  // Cut at a chunk's end, with a row that agrees: the last chunk does not say that it is the final one.
  std::filesystem::resize_file(PathOf(*store, blob.file), ChunkOffset(2));
  FinishedBlob shorter = blob;
  shorter.size = 2 * kChunk;
  EXPECT_EQ(ReadBlob(*store, shorter, TestKey()).error().code(), ErrorCode::kDamaged);
}

TEST(Aes, ASegmentTableThatWasAlteredIsRefused) {
  const TemporaryDirectory directory;
  PosixFiles files;
  const auto store = OpenStore(files, directory);
  constexpr std::size_t kChunk = ChunkContent(Suite::kAes256Gcm);
  FinishedBlob blob = WriteBlob(*store, kTestDomain, TestKey(), RandomContent(3 * kChunk)).value();
  const Layout layout = Layout::Decode(blob.layout).value();

  Layout more = layout;
  more.segments.push_back({2, more.segments.front().salt});
  blob.layout = more.Encode();
  EXPECT_EQ(ReadBlob(*store, blob, TestKey()).error().code(), ErrorCode::kDamaged);
  more.segments.back().first_chunk = 3;  // behind the end
  blob.layout = more.Encode();
  EXPECT_EQ(ReadBlob(*store, blob, TestKey()).error().code(), ErrorCode::kDamaged);
  Layout resalted = layout;
  resalted.segments.front().salt[0] ^= 1;
  blob.layout = resalted.Encode();
  EXPECT_EQ(ReadBlob(*store, blob, TestKey()).error().code(), ErrorCode::kDamaged);
}

TEST(Aes, AnEmptyBlobIsVerifiedToo) {
  const TemporaryDirectory directory;
  PosixFiles files;
  const auto store = OpenStore(files, directory);
  const FinishedBlob blob = WriteBlob(*store, kTestDomain, TestKey(), {}).value();
  ASSERT_TRUE(ReadBlob(*store, blob, TestKey()));
  const auto file = files.Open(PathOf(*store, blob.file), Access::kReadWrite).value();
  const std::uint8_t zero[16] = {};
  ASSERT_TRUE(WriteFully(*file, ChunkOffset(0), zero));
  EXPECT_EQ(ReadBlob(*store, blob, TestKey()).error().code(), ErrorCode::kDamaged);
}

TEST(Aes, OneBadReadIsNotDamage) {
  /// Flips a bit of the first read behind the header, once: a bad transfer.
  class Flaky final : public File {
   public:
    explicit Flaky(std::shared_ptr<File> file) : file_(std::move(file)) {}
    SystemResult<std::size_t> ReadAt(std::uint64_t offset, MutableBytes out) const override {
      auto count = file_->ReadAt(offset, out);
      if (offset >= kHeaderLength && !std::exchange(flipped_, true)) out[0] ^= 1;
      return count;
    }
    SystemResult<std::size_t> WriteAt(std::uint64_t, Bytes) override { std::abort(); }
    SystemResult<> Sync() override { std::abort(); }
    SystemResult<> Truncate(std::uint64_t) override { std::abort(); }
    SystemResult<FileStatus> Status() const override { return file_->Status(); }
    SystemResult<> SetDirect(bool) override { std::abort(); }
    void StartWriteback(std::uint64_t, std::uint64_t) override {}
    void DropCache(std::uint64_t, std::uint64_t) const override {}
    std::shared_ptr<const UniqueFd> descriptor() const override { return file_->descriptor(); }
    mutable bool flipped_ = false;

   private:
    std::shared_ptr<File> file_;
  };

  const TemporaryDirectory directory;
  PosixFiles files;
  const auto store = OpenStore(files, directory);
  const ByteVector content = RandomContent(200'000);
  const FinishedBlob blob = WriteBlob(*store, kTestDomain, TestKey(), content).value();
  const auto flaky = std::make_shared<Flaky>(store->Open(blob.file, Access::kRead).value());
  const auto reader =
      BlobReader::Open(flaky, {blob.file, kTestDomain, TestKey()}, blob.layout, blob.size).value();
  EXPECT_EQ(ReadAll(*reader).value(), content);
  EXPECT_TRUE(flaky->flipped_);
}

TEST(Aes, AStreamStopsWhenItsKeyIsDisabled) {
  const TemporaryDirectory directory;
  PosixFiles files;
  const auto store = OpenStore(files, directory);
  const FinishedBlob blob = WriteBlob(*store, kTestDomain, TestKey(), RandomContent(4 << 20)).value();
  const auto reader = OpenBlob(*store, blob, TestKey()).value();
  int asked = 0;
  const auto source = reader->Stream(0, blob.size, [&] { return ++asked < 3; });
  ByteVector out(4 << 20);
  EXPECT_EQ(source->Read(out).error().code(), ErrorCode::kKeyFailure);
  EXPECT_EQ(asked, 3);
}

TEST(Plain, ARangeForSendfileIsTheContent) {
  const TemporaryDirectory directory;
  PosixFiles files;
  const auto store = OpenStore(files, directory);
  const ByteVector content = RandomContent(300'000);
  const FinishedBlob blob = WriteBlob(*store, kTestDomain, std::nullopt, content).value();
  const http::FileRange range = OpenBlob(*store, blob, std::nullopt).value()->Range(70'000, 100'000);
  ByteVector read(range.length);
  ASSERT_EQ(::pread(range.file->get(), read.data(), read.size(), static_cast<off_t>(range.offset)), 100'000);
  EXPECT_TRUE(std::ranges::equal(read, Bytes(content).subspan(70'000, 100'000)));
}

TEST_P(RoundTrip, ManyStreamsAtOnceOnAPool) {
  ThreadPool pool("lanes", 3, 1000);
  std::vector<std::thread> clients;
  for (std::uint64_t client = 0; client < 6; ++client) {
    clients.emplace_back([&, client] {
      const ByteVector content = RandomContent(3'500'000 + client * 77'777, client);
      WriterOptions options;
      options.pool = &pool;
      options.sha512 = client % 2 == 0;
      auto writer = BlobWriter::Begin(*store_, kTestDomain, KeyFor(suite()), options).value();
      std::mt19937_64 random(client);
      for (std::size_t at = 0; at < content.size();) {
        const std::size_t length =
            std::min<std::size_t>(1 + random() % http::Block::kCapacity, content.size() - at);
        writer->Append(BlockOf(Bytes(content).subspan(at, length)));
        at += length;
        if (random() % 4 == 0) {
          ASSERT_EQ(writer->Checkpoint().value().received, at);
        }
      }
      EXPECT_EQ(writer->received(), content.size());
      const Digest expected[] = {Digest::Of(HashAlgorithm::kSha256, content),
                                 Digest::Of(HashAlgorithm::kSha512, content)};
      const auto blob = writer->Finish(expected);
      ASSERT_TRUE(blob) << blob.error().ToString();
      EXPECT_EQ(ReadBlob(*store_, *blob, KeyFor(suite())).value(), content);
    });
  }
  for (std::thread& client : clients) client.join();
}

TEST_P(RoundTrip, BlocksAreLetGoBeforeTheWriterEnds) {
  ThreadPool pool("lanes", 2, 1000);
  WriterOptions options;
  options.pool = &pool;
  auto writer = BlobWriter::Begin(*store_, kTestDomain, KeyFor(suite()), options).value();
  const ByteVector content = RandomContent(http::Block::kCapacity);
  http::Block block = BlockOf(content);
  std::weak_ptr<std::uint8_t> memory;
  {
    std::shared_ptr<std::uint8_t> bytes(static_cast<std::uint8_t*>(std::malloc(1000)), std::free);
    std::fill_n(bytes.get(), 1000, 7);
    memory = bytes;
    writer->Append(http::Block(std::move(bytes), 1000));
  }
  ASSERT_TRUE(writer->Checkpoint());  // stands behind the block in both lanes
  EXPECT_TRUE(memory.expired());
  writer->Append(std::move(block));
  EXPECT_EQ(writer->Finish().value().size, 1000 + content.size());
}

TEST_P(RoundTrip, AMismatchLeavesTheWriterUsable) {
  auto writer = BlobWriter::Begin(*store_, kTestDomain, KeyFor(suite())).value();
  const ByteVector content = RandomContent(200'000);
  ASSERT_TRUE(writer->Append(Bytes(content).first(150'000)));
  const Digest whole = Digest::Of(HashAlgorithm::kSha256, content);
  const auto refused = writer->Finish({&whole, 1});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kLayerDigestMismatch);
  EXPECT_EQ(refused.error().fact("expected"), whole.ToString());
  ASSERT_TRUE(writer->Append(Bytes(content).subspan(150'000)));
  EXPECT_EQ(writer->ComputedDigest().value(), whole);
  const auto blob = writer->Finish({&whole, 1});
  ASSERT_TRUE(blob);
  EXPECT_EQ(ReadBlob(*store_, *blob, KeyFor(suite())).value(), content);
}

TEST_P(RoundTrip, ADigestThatWasNotComputedCostsOneReading) {
  const ByteVector content = RandomContent(3 << 20);
  const Digest right = Digest::Of(HashAlgorithm::kSha512, content);
  const Digest wrong = Digest::Of(HashAlgorithm::kSha512, AsBytes("something else"));
  auto writer = BlobWriter::Begin(*store_, kTestDomain, KeyFor(suite())).value();
  ASSERT_TRUE(writer->Append(content));
  EXPECT_EQ(writer->Finish({&wrong, 1}).error().code(), ErrorCode::kLayerDigestMismatch);
  const auto blob = writer->Finish({&right, 1});
  ASSERT_TRUE(blob) << blob.error().ToString();
  EXPECT_EQ(blob->digest, right);
  EXPECT_EQ(ReadBlob(*store_, *blob, KeyFor(suite())).value(), content);
  EXPECT_EQ(OpenBlob(*store_, *blob, KeyFor(suite())).value()->ComputeDigest(HashAlgorithm::kSha512).value(),
            right);
}

TEST_P(RoundTrip, AFileOfNoCheckpointGoesWithItsWriter) {
  ThreadPool pool("lanes", 2, 1000);
  WriterOptions options;
  options.pool = &pool;
  auto writer = BlobWriter::Begin(*store_, kTestDomain, KeyFor(suite()), options).value();
  writer->Append(BlockOf(RandomContent(http::Block::kCapacity)));
  const FileId gone = writer->file();
  writer.reset();
  auto kept = BlobWriter::Begin(*store_, kTestDomain, KeyFor(suite()), options).value();
  ASSERT_TRUE(kept->Checkpoint());
  const FileId stays = kept->file();
  kept.reset();
  pool.Stop();
  EXPECT_FALSE(store_->Status(gone).value().has_value());
  EXPECT_TRUE(store_->Status(stays).value().has_value());
}

TEST_P(RoundTrip, DiscardUnlinks) {
  auto writer = BlobWriter::Begin(*store_, kTestDomain, KeyFor(suite())).value();
  ASSERT_TRUE(writer->Append(RandomContent(100'000)));
  ASSERT_TRUE(writer->Checkpoint());
  writer->Discard();
  EXPECT_FALSE(store_->Status(writer->file()).value().has_value());
  EXPECT_FALSE(writer->Checkpoint());
  EXPECT_FALSE(writer->Finish());
}

}  // namespace
}  // namespace entrepot::blobs
