// The key hierarchy: what is bound to what, what survives a crash, and what is seen when a key's state
// changes.

#include <filesystem>
#include <fstream>
#include <sys/mman.h>
#include <thread>

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "blobs/faulty_files.h"
#include "keys/key_ring.h"
#include "keys/wrapping.h"

namespace entrepot::keys {
namespace {

class Directory {
 public:
  Directory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "entrepot-keys-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    path_ = pattern;
  }
  Directory(const Directory&) = delete;
  ~Directory() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return path_ + '/' + name; }

 private:
  std::string path_;
};

SecretKey KeyOf(std::uint8_t byte) { return SecretKey::From(ByteVector(SecretKey::kLength, byte)); }
bool Same(const SecretKey& a, const SecretKey& b) { return std::ranges::equal(a.bytes(), b.bytes()); }

// ---- wrapping

TEST(Wrapping, ComesBackOnlyUnderTheSameKeyLabelAndContext) {
  const ByteVector sealed = SealUnder(KeyOf(1), "label", AsBytes("context"), AsBytes("secret"));
  EXPECT_EQ(AsText(OpenUnder(KeyOf(1), "label", AsBytes("context"), sealed).value()), "secret");
  EXPECT_EQ(OpenUnder(KeyOf(2), "label", AsBytes("context"), sealed).error().code(), ErrorCode::kKeyFailure);
  EXPECT_EQ(OpenUnder(KeyOf(1), "other", AsBytes("context"), sealed).error().code(), ErrorCode::kKeyFailure);
  EXPECT_EQ(OpenUnder(KeyOf(1), "label", AsBytes("contest"), sealed).error().code(), ErrorCode::kKeyFailure);
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    ByteVector altered = sealed;
    altered[i] ^= 1;
    EXPECT_FALSE(OpenUnder(KeyOf(1), "label", AsBytes("context"), altered)) << i;
    EXPECT_FALSE(OpenUnder(KeyOf(1), "label", AsBytes("context"), Bytes(sealed).first(i))) << i;
  }
  EXPECT_NE(sealed, SealUnder(KeyOf(1), "label", AsBytes("context"), AsBytes("secret")));
}

TEST(Wrapping, FormatNeverChanges) {
  // Computed by an independent implementation: HKDF-SHA256(key, salt, label), then AES-256-GCM.
  const ByteVector sealed = HexDecode(
                                "05050505050505050505050505050505060606060606060606060606691293789afc408898bc"
                                "0c91193b027e7ea704bcaf36")
                                .value();
  EXPECT_EQ(AsText(OpenUnder(KeyOf(1), "label", AsBytes("context"), sealed).value()), "secret");
}

TEST(Wrapping, WhatIsNoKeyIsRefused) {
  const ByteVector sealed = SealUnder(KeyOf(1), "label", {}, AsBytes("short"));
  EXPECT_EQ(OpenKeyUnder(KeyOf(1), "label", {}, sealed).error().code(), ErrorCode::kKeyFailure);
}

// ---- the root key

class RootKeyTest : public testing::Test {
 protected:
  Result<RootKey> Load(RootKeyPolicy policy) { return RootKey::Load(files_, directory_ / "keys", policy); }
  std::string path() const { return directory_ / "keys/root-key"; }

  Directory directory_;
  blobs::PosixFiles files_;
};

TEST_F(RootKeyTest, IsMadeOnceAndStays) {
  EXPECT_EQ(Load(RootKeyPolicy::kMustExist).error().code(), ErrorCode::kConfiguration);
  const RootKey made = Load(RootKeyPolicy::kMayCreate).value();
  EXPECT_EQ(made.id().size(), 16u);
  EXPECT_EQ(std::filesystem::status(path()).permissions(), std::filesystem::perms(0600));
  const RootKey found = Load(RootKeyPolicy::kMustExist).value();
  EXPECT_EQ(found.id(), made.id());
  using enum RootKey::Purpose;
  EXPECT_TRUE(Same(found.Derive(kServiceKeys), made.Derive(kServiceKeys)));
  EXPECT_FALSE(Same(found.Derive(kServiceKeys), found.Derive(kTokenKeys)));
  EXPECT_FALSE(Same(found.Derive(kAccessKeySecrets), found.Derive(kTokenKeys)));
}

TEST_F(RootKeyTest, WhatOthersCanReadIsRefused) {
  ASSERT_TRUE(Load(RootKeyPolicy::kMayCreate));
  std::filesystem::permissions(path(), std::filesystem::perms(0640));
  EXPECT_EQ(Load(RootKeyPolicy::kMustExist).error().code(), ErrorCode::kConfiguration);
}

TEST_F(RootKeyTest, ADamagedOneIsNeverReplaced) {
  ASSERT_TRUE(Load(RootKeyPolicy::kMayCreate));
  {
    std::fstream file(path(), std::ios::in | std::ios::out);
    file.seekp(30);
    file << 'x';
  }
  EXPECT_EQ(Load(RootKeyPolicy::kMayCreate).error().code(), ErrorCode::kConfiguration);
  EXPECT_EQ(Load(RootKeyPolicy::kMustExist).error().code(), ErrorCode::kConfiguration);
  std::filesystem::resize_file(path(), 10);
  EXPECT_EQ(Load(RootKeyPolicy::kMustExist).error().code(), ErrorCode::kConfiguration);
}

TEST(RootKeyCrash, WhatWasReturnedIsDurable) {
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    for (int call = 1;; ++call) {
      SCOPED_TRACE(testing::Message() << "seed " << seed << " call " << call);
      const Directory directory;
      blobs::FaultyFiles files;
      files.StopAt(call);
      const auto made = RootKey::Load(files, directory / "keys", RootKeyPolicy::kMayCreate);
      const bool stopped = files.stopped();
      files.Crash(seed);
      const auto again = RootKey::Load(files, directory / "keys", RootKeyPolicy::kMayCreate);
      ASSERT_TRUE(again) << again.error().ToString();
      if (made) EXPECT_EQ(made->id(), again->id());
      if (!stopped) break;
    }
  }
}

TEST(RootKeyFaults, AreErrorsNotKeys) {
  for (int call = 1;; ++call) {
    const Directory directory;
    blobs::FaultyFiles files;
    files.FailAt(call, EIO);
    const auto made = RootKey::Load(files, directory / "keys", RootKeyPolicy::kMayCreate);
    if (!files.failed()) break;
    EXPECT_FALSE(made) << call;
  }
}

// ---- repository keys

const RepositoryRef kRepository{1, 2, "arn:aws:ecr:us-west-2:123456789012:repository/app"};

class KeyRingTest : public testing::Test {
 protected:
  void SetUp() override {
    auto opened = metadata::OpenStore({.url = "sqlite:" + (directory_ / "db"), .clock = &clock_});
    ASSERT_TRUE(opened) << opened.error().ToString();
    store_ = *std::move(opened);
    ring_ = NewRing();
  }
  std::unique_ptr<KeyRing> NewRing(FileEncryption encryption = FileEncryption::kServiceKey) {
    return std::make_unique<KeyRing>(root_key_, *store_, encryption);
  }
  Result<RepositoryKey> CurrentOf(KeyRing& ring, const RepositoryRef& repository = kRepository) {
    return store_->Write(
        [&](metadata::WriteTransaction& transaction) { return ring.Current(transaction, repository); });
  }
  std::int64_t Change(std::string_view sql) {
    return store_->Write([&](metadata::WriteTransaction& transaction) { return transaction->Run(sql); })
        .value();
  }

  BlobWrapContext Blob() const { return {5, file_id_, digest_, 1234, layout_}; }

  Directory directory_;
  ManualClock clock_;
  blobs::PosixFiles files_;
  RootKey root_key_ = RootKey::Load(files_, directory_ / "keys", RootKeyPolicy::kMayCreate).value();
  std::unique_ptr<metadata::Store> store_;
  std::unique_ptr<KeyRing> ring_;
  ByteVector file_id_ = ByteVector(16, 3), layout_ = ByteVector(46, 4);
  Digest digest_ = Digest::Of(HashAlgorithm::kSha256, AsBytes("content"));
};

TEST_F(KeyRingTest, AKeyIsMadeOnceAndComesBackAfterARestart) {
  EXPECT_TRUE(RootKeysInUse(*store_).value().empty());
  const RepositoryKey key = CurrentOf(*ring_).value();
  EXPECT_EQ(RootKeysInUse(*store_).value(), std::set<std::string>{root_key_.id()});
  const DataKey data_key = ring_->NewDataKey();
  const ByteVector wrapped = key.Wrap(data_key, Blob());

  const auto restarted = NewRing();
  const RepositoryKey again = restarted->Get(kRepository, key.id()).value();
  EXPECT_EQ(CurrentOf(*restarted).value().id(), key.id());
  EXPECT_TRUE(Same(*again.Unwrap(wrapped, Blob()).value(), *data_key));
}

TEST_F(KeyRingTest, DataKeysAreRandom) {
  const DataKey one = ring_->NewDataKey(), other = ring_->NewDataKey();
  EXPECT_FALSE(Same(*one, *other));
}

TEST_F(KeyRingTest, ItWorksInsideTransactionsToo) {
  ByteVector wrapped;
  const DataKey data_key = ring_->NewDataKey();
  const std::int64_t id = store_
                              ->Write([&](metadata::WriteTransaction& transaction) -> Result<std::int64_t> {
                                const RepositoryKey key = TRY(ring_->Current(transaction, kRepository));
                                wrapped = key.Wrap(data_key, Blob());
                                EXPECT_EQ(TRY(ring_->Current(transaction, kRepository)).id(), key.id());
                                return key.id();
                              })
                              .value();
  const auto unwrapped = store_->Read([&](metadata::sql::Session& session) -> Result<DataKey> {
    return TRY(ring_->Load(session, kRepository, id)).Unwrap(wrapped, Blob());
  });
  EXPECT_TRUE(Same(**unwrapped, *data_key));
}

TEST_F(KeyRingTest, AKeyWhoseTransactionRolledBackWasNeverThere) {
  std::optional<RepositoryKey> lost;
  const auto outcome = store_->Write([&](metadata::WriteTransaction& transaction) -> Result<bool> {
    lost = TRY(ring_->Current(transaction, kRepository));
    return Fail(ErrorCode::kValidation);
  });
  EXPECT_FALSE(outcome);
  const RepositoryKey kept = CurrentOf(*ring_).value();
  EXPECT_EQ(kept.id(), lost->id());
  const ByteVector wrapped = kept.Wrap(ring_->NewDataKey(), Blob());
  EXPECT_FALSE(lost->Unwrap(wrapped, Blob()));
  EXPECT_TRUE(NewRing()->Get(kRepository, kept.id()).value().Unwrap(wrapped, Blob()));
}

TEST_F(KeyRingTest, AWrapIsBoundToEverythingItIsFor) {
  const RepositoryKey key = CurrentOf(*ring_).value();
  const ByteVector wrapped = key.Wrap(ring_->NewDataKey(), Blob());
  ASSERT_TRUE(key.Unwrap(wrapped, Blob()));
  const auto refused = [&](const BlobWrapContext& context) {
    const auto opened = key.Unwrap(wrapped, context);
    return !opened && opened.error().code() == ErrorCode::kKeyFailure;
  };
  const ByteVector other_file(16, 9), other_layout(46, 9);
  const Digest other_digest = Digest::Of(HashAlgorithm::kSha256, AsBytes("other"));
  EXPECT_TRUE(refused({6, file_id_, digest_, 1234, layout_}));
  EXPECT_TRUE(refused({5, other_file, digest_, 1234, layout_}));
  EXPECT_TRUE(refused({5, file_id_, other_digest, 1234, layout_}));
  EXPECT_TRUE(refused({5, file_id_, digest_, 1235, layout_}));
  EXPECT_TRUE(refused({5, file_id_, digest_, 1234, other_layout}));
  EXPECT_FALSE(key.Unwrap(wrapped, UploadWrapContext{5, file_id_, "session"}));

  const RepositoryRef sibling{1, 3, "arn:aws:ecr:us-west-2:123456789012:repository/other"};
  EXPECT_EQ(CurrentOf(*ring_, sibling).value().Unwrap(wrapped, Blob()).error().code(),
            ErrorCode::kKeyFailure);

  const ByteVector upload = key.Wrap(ring_->NewDataKey(), UploadWrapContext{5, file_id_, "session"});
  EXPECT_TRUE(key.Unwrap(upload, UploadWrapContext{5, file_id_, "session"}));
  EXPECT_FALSE(key.Unwrap(upload, UploadWrapContext{5, file_id_, "sessiom"}));
  EXPECT_FALSE(key.Unwrap(upload, Blob()));
}

TEST_F(KeyRingTest, SealedDataIsBoundToPurposeAndSubject) {
  const RepositoryKey key = CurrentOf(*ring_).value();
  const ByteVector sealed = key.Seal("upload state", AsBytes("id"), AsBytes("tail"));
  EXPECT_EQ(AsText(key.Open("upload state", AsBytes("id"), sealed).value()), "tail");
  EXPECT_FALSE(key.Open("upload stat", AsBytes("eid"), sealed));
  EXPECT_FALSE(key.Open("upload state", AsBytes("ie"), sealed));
  EXPECT_EQ(key.Open("manifest", AsBytes("id"), sealed).error().code(), ErrorCode::kKeyFailure);
}

TEST_F(KeyRingTest, FilesLeftToTheDiskHaveNoDataKeyButSealedData) {
  const auto ring = NewRing(FileEncryption::kDisk);
  const RepositoryKey key = CurrentOf(*ring).value();
  EXPECT_FALSE(ring->NewDataKey());
  EXPECT_TRUE(key.Wrap(ring->NewDataKey(), Blob()).empty());
  EXPECT_EQ(key.Unwrap({}, Blob()).value(), std::nullopt);
  EXPECT_TRUE(key.Open("p", {}, key.Seal("p", {}, AsBytes("x"))));
}

TEST_F(KeyRingTest, KeysAreCachedForFiveMinutesAndUnderOneState) {
  const std::int64_t id = CurrentOf(*ring_).value().id();
  ASSERT_TRUE(ring_->Get(kRepository, id));
  const RepositoryKey held = ring_->Get(kRepository, id).value();
  EXPECT_TRUE(held.still_valid());
  EXPECT_EQ(Change("UPDATE repository_keys SET repository = 77"), 1);  // out of sight
  EXPECT_TRUE(ring_->Get(kRepository, id));
  clock_.Advance(KeyRing::kCacheTime);
  EXPECT_EQ(ring_->Get(kRepository, id).error().code(), ErrorCode::kKeyFailure);

  EXPECT_EQ(Change("UPDATE repository_keys SET repository = 2"), 1);
  ASSERT_TRUE(ring_->Get(kRepository, id));
  EXPECT_EQ(Change("UPDATE repository_keys SET repository = 77"), 1);
  ring_->state().Raise();
  EXPECT_FALSE(held.still_valid());
  EXPECT_EQ(ring_->Get(kRepository, id).error().code(), ErrorCode::kKeyFailure);
}

TEST_F(KeyRingTest, RowsThatWereMovedOrAlteredAreKeyFailures) {
  const std::int64_t id = CurrentOf(*ring_).value().id();
  const auto fails = [&](const RepositoryRef& repository) {
    const auto key = NewRing()->Get(repository, id);
    return !key && key.error().code() == ErrorCode::kKeyFailure;
  };
  EXPECT_FALSE(fails(kRepository));
  EXPECT_TRUE(fails({1, 2, "arn:aws:ecr:us-west-2:123456789012:repository/renamed"}));
  EXPECT_EQ(Change("UPDATE repository_keys SET repository = 3"), 1);
  EXPECT_TRUE(fails({1, 3, kRepository.arn}));
  EXPECT_EQ(Change("UPDATE repository_keys SET repository = 2, wrapped = service_key_bytes FROM "
                   "(SELECT wrapped AS service_key_bytes FROM service_keys) AS s"),
            1);
  EXPECT_TRUE(fails(kRepository));
}

TEST_F(KeyRingTest, AnotherRootKeyIsNamed) {
  ASSERT_TRUE(CurrentOf(*ring_));
  const RootKey other = RootKey::Load(files_, directory_ / "other", RootKeyPolicy::kMayCreate).value();
  KeyRing ring(other, *store_, FileEncryption::kServiceKey);
  const auto key = CurrentOf(ring);
  ASSERT_FALSE(key);
  EXPECT_EQ(key.error().code(), ErrorCode::kKeyFailure);
  EXPECT_NE(key.error().fact("detail").find(root_key_.id()), std::string::npos);
}

TEST_F(KeyRingTest, ManyThreadsGetOneKey) {
  const ByteVector wrapped_by_first = [&] {
    std::vector<std::thread> threads;
    std::array<ByteVector, 6> wraps;
    for (auto& wrap : wraps)
      threads.emplace_back([&] { wrap = CurrentOf(*ring_).value().Wrap(KeyOf(1), Blob()); });
    for (std::thread& thread : threads) thread.join();
    for (const ByteVector& wrap : wraps) EXPECT_TRUE(CurrentOf(*ring_).value().Unwrap(wrap, Blob()));
    return wraps[0];
  }();
  EXPECT_TRUE(CurrentOf(*NewRing()).value().Unwrap(wrapped_by_first, Blob()));
}

}  // namespace
}  // namespace entrepot::keys
