// Uploads that are stopped at every call of the file layer, lose what was not synced, and go on; and uploads
// of which every single call fails once. Whatever was reported durable is, and no nonce is ever used twice.

#include <cerrno>
#include <set>

#include "blobs/faulty_files.h"
#include "blobs/test_support.h"

namespace entrepot::blobs {
namespace {

/// Fails the test when a chunk is sealed twice under one salt.
class NonceWitness {
 public:
  SealHooks hooks() {
    return {.on_seal = [this](const Salt& salt, std::uint64_t chunk, bool) {
      EXPECT_TRUE(seen_.emplace(salt, chunk).second)
          << "chunk " << chunk << " was sealed twice under one salt";
    }};
  }

 private:
  std::set<std::pair<Salt, std::uint64_t>> seen_;
};

/// What a database would remember of an upload: its last committed checkpoint, then its published blob.
struct Rows {
  std::optional<FileId> file;
  BlobWriter::Checkpointed checkpoint;
  std::uint64_t kept_ahead = 0;  // no row says so: the file itself does
  std::int64_t epoch = 0;
  std::optional<FinishedBlob> published;
};

class Upload {
 public:
  Upload(Suite suite, ByteVector content) : suite_(suite), content_(std::move(content)) {}

  /// Goes on from what the rows say, with a checkpoint after each piece, to the end.
  Result<> Run(BlobStore& store, Rows& rows, NonceWitness& nonces) {
    writer_ = TRY(Start(store, rows, nonces));
    EXPECT_GE(writer_->received(), std::max(rows.checkpoint.received, rows.kept_ahead))
        << "what was durable is lost";
    while (writer_->received() < content_.size()) {
      const std::size_t at = writer_->received();
      TRY(writer_->Append(Bytes(content_).subspan(at, std::min(kPiece, content_.size() - at))));
      const std::size_t piece = at / kPiece;  // every kind in turn
      if (rows.file && piece % 3 != 0) {
        (void)writer_->KeepAhead();
        rows.kept_ahead = std::max(rows.kept_ahead, writer_->kept_ahead());
        if (writer_->failed()) TRY(writer_->WaitForRoom(0));
        continue;
      }
      rows.checkpoint = TRY(
          writer_->Checkpoint(piece % 2 == 0 ? BlobWriter::Reach::kEverything : BlobWriter::Reach::kWritten));
      rows.file = writer_->file();
    }
    const Digest digest = Digest::Of(HashAlgorithm::kSha256, content_);
    rows.published = TRY(writer_->Finish({&digest, 1}));
    return {};
  }

  void ExpectPublished(BlobStore& store, const Rows& rows) const {
    ASSERT_TRUE(rows.published);
    const auto read = ReadBlob(store, *rows.published, KeyFor(suite_));
    ASSERT_TRUE(read) << read.error().ToString();
    EXPECT_EQ(*read, content_);
  }

  BlobWriter* writer() const { return writer_.get(); }
  void Forget() { writer_.reset(); }

 private:
  static constexpr std::size_t kPiece = 1'200'000;

  Result<std::unique_ptr<BlobWriter>> Start(BlobStore& store, Rows& rows, NonceWitness& nonces) {
    WriterOptions options;
    options.writer_epoch = ++rows.epoch;
    options.hooks = nonces.hooks();
    if (!rows.file) return BlobWriter::Begin(store, kTestDomain, KeyFor(suite_), options);
    return BlobWriter::Resume(store, {*rows.file, kTestDomain, KeyFor(suite_)}, rows.checkpoint.state,
                              options);
  }

  const Suite suite_;
  const ByteVector content_;
  std::unique_ptr<BlobWriter> writer_;
};

class Crashes : public testing::TestWithParam<std::tuple<Suite, std::uint64_t>> {
 protected:
  Suite suite() const { return std::get<0>(GetParam()); }
  std::uint64_t seed() const { return std::get<1>(GetParam()); }

  static inline const ByteVector kContent = RandomContent(4'000'000);
};

// Seed 0 drops everything that was not synced; the others keep a random part of it.
INSTANTIATE_TEST_SUITE_P(All, Crashes,
                         testing::Combine(testing::Values(Suite::kPlain, Suite::kAes256Gcm),
                                          testing::Range(0ul, 3ul)));

TEST_P(Crashes, AtEveryCallOfAnUpload) {
  for (int call = 1;; ++call) {
    SCOPED_TRACE(call);
    const TemporaryDirectory directory;
    FaultyFiles files;
    NonceWitness nonces;
    Rows rows;
    Upload upload(suite(), kContent);
    files.StopAt(call);
    auto opened = BlobStore::Open(files, directory / "blobs", kStoreId, 1, RootPolicy::kMayCreate);
    if (opened) (void)upload.Run(**opened, rows, nonces);
    const bool stopped = files.stopped();
    upload.Forget();
    files.Crash(seed());

    const auto store =
        OpenStore(files, directory, 2, opened ? RootPolicy::kMustExist : RootPolicy::kMayCreate);
    if (!rows.published) {
      const auto ended = upload.Run(*store, rows, nonces);
      ASSERT_TRUE(ended) << ended.error().ToString();
      upload.Forget();
      files.Crash(seed());
    }
    upload.ExpectPublished(*OpenStore(files, directory, 3, RootPolicy::kMustExist), rows);
    if (HasFatalFailure() || !stopped) break;
  }
}

TEST_P(Crashes, AtEveryCallOfARecoveryToo) {
  // The upload stops once in its middle; then its recovery stops at every call, a step further each time, on
  // one disk.
  const TemporaryDirectory directory;
  FaultyFiles files;
  NonceWitness nonces;
  Rows rows;
  Upload upload(suite(), kContent);
  const auto first = OpenStore(files, directory);
  files.StopAt(12);
  EXPECT_FALSE(upload.Run(*first, rows, nonces));
  ASSERT_TRUE(rows.file);
  const Rows before = rows;
  upload.Forget();
  files.Crash(seed());

  std::uint32_t epoch = 2;
  for (int call = 1; !rows.published; ++call) {
    ASSERT_LT(call, 200) << "the recovery never ends";
    files.StopAt(call);
    auto store = BlobStore::Open(files, directory / "blobs", kStoreId, epoch++, RootPolicy::kMustExist);
    if (store) {
      // Every second time the database has lost what it did not commit: the older checkpoint is good as well.
      if (call % 2 == 0) rows.checkpoint = before.checkpoint;
      (void)upload.Run(**store, rows, nonces);
    }
    upload.Forget();
    files.Crash(seed() == 0 ? 0 : seed() + static_cast<std::uint64_t>(call));
  }
  upload.ExpectPublished(*OpenStore(files, directory, epoch, RootPolicy::kMustExist), rows);
}

class Failures : public testing::TestWithParam<std::tuple<Suite, int>> {};
INSTANTIATE_TEST_SUITE_P(All, Failures,
                         testing::Combine(testing::Values(Suite::kPlain, Suite::kAes256Gcm),
                                          testing::Values(EIO, ENOSPC, EACCES)));

TEST_P(Failures, OfEveryCallLoseNothingThatWasReportedDurable) {
  const auto [suite, error] = GetParam();
  const ByteVector content = RandomContent(4'000'000);
  int in_place = 0, given_up = 0;
  for (int call = 1;; ++call) {
    SCOPED_TRACE(call);
    const TemporaryDirectory directory;
    FaultyFiles files;
    const auto store = OpenStore(files, directory);
    NonceWitness nonces;
    Rows rows;
    Upload upload(suite, content);
    files.FailAt(call, error);
    const auto ended = upload.Run(*store, rows, nonces);
    const bool failed = files.failed();
    if (!ended) {
      EXPECT_NE(ended.error().code(), ErrorCode::kDamaged);
      if (rows.file && upload.writer()->resumable()) {
        EXPECT_TRUE(upload.writer()->failed());
        ++in_place;
      } else {
        // Either no row names the file, or its sync failed: it is gone, and the upload begins anew.
        if (rows.file) {
          upload.writer()->Discard();  // the session does, where the lane's own sync failed
          EXPECT_FALSE(store->Status(*rows.file).value().has_value());
          EXPECT_EQ(ended.error().code(), ErrorCode::kStorageFault);
        }
        rows = {};
        ++given_up;
      }
      upload.Forget();
      const auto again = upload.Run(*store, rows, nonces);
      ASSERT_TRUE(again) << again.error().ToString();
    }
    upload.Forget();
    files.Crash();
    upload.ExpectPublished(*OpenStore(files, directory, 2, RootPolicy::kMustExist), rows);
    if (!failed) break;
  }
  EXPECT_GT(in_place, 0);
  EXPECT_GT(given_up, 0);
}

TEST(ShortWrites, AreContinued) {
  const ByteVector content = RandomContent(2'500'000);
  for (const std::size_t limit : {5000, 8192, 70'000}) {
    const TemporaryDirectory directory;
    FaultyFiles files;
    files.LimitWrites(limit);
    const auto store = OpenStore(files, directory);
    const auto blob = WriteBlob(*store, kTestDomain, TestKey(), content);
    ASSERT_TRUE(blob) << blob.error().ToString();
    EXPECT_EQ(ReadBlob(*store, *blob, TestKey()).value(), content);
  }
}

TEST(SmallBlobs, CostOneWriteOneSyncAndOneDirectorySync) {
  const TemporaryDirectory directory;
  FaultyFiles files;
  const auto store = OpenStore(files, directory);
  ASSERT_TRUE(WriteBlob(*store, kTestDomain, TestKey(), RandomContent(10)));  // opens the directory
  using Call = FaultyFiles::Call;
  const auto counts = [&] {
    return std::array{files.calls(Call::kWrite), files.calls(Call::kSync), files.calls(Call::kSyncDirectory),
                      files.calls()};
  };
  const auto before = counts();
  ASSERT_TRUE(WriteBlob(*store, kTestDomain, TestKey(), RandomContent(1024)));
  const auto after = counts();
  EXPECT_EQ(after[0] - before[0], 1);
  EXPECT_EQ(after[1] - before[1], 1);
  EXPECT_EQ(after[2] - before[2], 1);
  EXPECT_EQ(after[3] - before[3], 4);  // and its creation
}

}  // namespace
}  // namespace entrepot::blobs
