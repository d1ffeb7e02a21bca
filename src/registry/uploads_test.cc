// Upload sessions as their clients see them.

#include "registry/test_uploads.h"

namespace entrepot::registry {
namespace {

TEST_F(UploadsTest, AnySplitGivesTheSameLayer) {
  const std::string content = Content(3 * kMiB + 12345);
  const Digest digest = TestRegistry::DigestOf(content);
  for (const std::size_t step : {content.size(), std::size_t{700'001}, std::size_t{65'520}}) {
    const UploadTicket ticket = Open();
    std::uint64_t offset = 0;
    while (offset < content.size()) {
      const std::string_view part = std::string_view(content).substr(offset, step);
      const ChunkResult result = Must(Append(ticket, offset, part));
      offset += part.size();
      ASSERT_EQ(result.received, offset);
    }
    const ChunkResult done = Must(Append(ticket, offset, "", digest));
    ASSERT_TRUE(done.layer);
    EXPECT_EQ(done.layer->digest, digest);
    EXPECT_EQ(Must(registry->Pull(*repository, digest)), content);
  }
  EXPECT_EQ(FilesOnDisk(), 1);  // the later ones found it there
}

TEST_F(UploadsTest, StreamsAndGoesOnAfterARestartFromItsCheckpoint) {
  const std::string content = Content(9 * kMiB + 77);
  const Digest digest = TestRegistry::DigestOf(content);
  const UploadTicket ticket = Open();
  Streaming first = Must(Stream(ticket, 0, std::nullopt));
  Feed(*first.sink, std::string_view(content).substr(0, 6 * kMiB + 5));
  EXPECT_EQ(Must(first.Finish()).received, 6 * kMiB + 5);  // past 4 MiB: a checkpoint
  first.sink.reset();
  RestartAnd();
  const std::uint64_t received = Received(ticket);
  EXPECT_EQ(received, 6 * kMiB + 5);
  Streaming second = Must(Stream(ticket, received, digest));
  Feed(*second.sink, std::string_view(content).substr(received));
  EXPECT_EQ(Must(second.Finish()).layer->digest, digest);
  second.sink.reset();
  EXPECT_EQ(Must(registry->Pull(*repository, digest)), content);
}

TEST_F(UploadsTest, ABrokenConnectionKeepsWhatArrived) {
  const std::string content = Content(2 * kMiB);
  const UploadTicket ticket = Open();
  Streaming stream = Must(Stream(ticket, 0, std::nullopt));
  Feed(*stream.sink, std::string_view(content).substr(0, kMiB + 7));
  stream.sink->Abort();
  stream.sink.reset();
  RestartAnd();
  EXPECT_EQ(Received(ticket), kMiB + 7);
}

TEST_F(UploadsTest, SmallProgressInMemoryMayFallBackAndTheOffsetSaysSo) {
  const UploadTicket ticket = Open();
  Must(Append(ticket, 0, "hello "));
  EXPECT_EQ(Received(ticket), 6u);
  RestartAnd();
  EXPECT_EQ(Received(ticket), 0u);
  const auto late = Append(ticket, 6, "world");
  ASSERT_EQ(CodeOf(late), ErrorCode::kUploadOffset);
  EXPECT_EQ(late.error().fact("offset"), "0");
}

TEST_F(UploadsTest, AnOrderlyStopLosesNothing) {
  const UploadTicket ticket = Open();
  Must(Append(ticket, 0, "hello "));
  registry->uploads->CheckpointAll();
  RestartAnd();
  EXPECT_EQ(Received(ticket), 6u);
  EXPECT_TRUE(Must(Append(ticket, 6, "world", TestRegistry::DigestOf("hello world"))).layer);
}

TEST_F(UploadsTest, OutOfOrderIsToldWhereItStands) {
  const UploadTicket ticket = Open();
  Must(Append(ticket, 0, "abc"));
  const auto wrong = Append(ticket, 1, "x");
  ASSERT_EQ(CodeOf(wrong), ErrorCode::kUploadOffset);
  EXPECT_EQ(wrong.error().fact("offset"), "3");
  EXPECT_EQ(Must(Append(ticket, 3, "d")).received, 4u);
}

TEST_F(UploadsTest, AWrongDigestLeavesTheSessionAsItWas) {
  for (const std::size_t size : {std::size_t{5}, std::size_t{2 * kMiB}}) {
    const std::string content = Content(size);
    const UploadTicket ticket = Open();
    Must(Append(ticket, 0, content));
    EXPECT_EQ(CodeOf(Append(ticket, size, "", TestRegistry::DigestOf("other"))),
              ErrorCode::kLayerDigestMismatch);
    EXPECT_TRUE(Append(ticket, size, "", TestRegistry::DigestOf(content))) << size;
  }
}

TEST_F(UploadsTest, ARepeatedClosingRequestGetsTheSameAnswer) {
  const UploadTicket ticket = Open();
  const Digest digest = TestRegistry::DigestOf("content");
  Must(Append(ticket, 0, "content", digest));
  EXPECT_EQ(Must(Append(ticket, 0, "content", digest)).layer->digest, digest);
  RestartAnd();
  EXPECT_EQ(Must(Append(ticket, 0, "content", digest)).layer->digest, digest);
  EXPECT_EQ(CodeOf(Append(ticket, 0, "x", TestRegistry::DigestOf("x"))), ErrorCode::kUploadNotFound);
  EXPECT_EQ(CodeOf(registry->uploads->Status(*repository, ticket)), ErrorCode::kUploadNotFound);
}

TEST_F(UploadsTest, ACancelledIdStaysRefused) {
  for (const bool in_file : {false, true}) {
    const UploadTicket ticket = Open();
    Must(Append(ticket, 0, Content(in_file ? 5 * kMiB : 10)));
    Must(registry->uploads->Cancel(*repository, ticket));
    EXPECT_EQ(CodeOf(registry->uploads->Status(*repository, ticket)), ErrorCode::kUploadNotFound);
    EXPECT_EQ(CodeOf(Append(ticket, 0, "x")), ErrorCode::kUploadNotFound);
    EXPECT_EQ(CodeOf(registry->uploads->Cancel(*repository, ticket)), ErrorCode::kUploadNotFound);
  }
  EXPECT_EQ(FilesOnDisk(), 0);
}

TEST_F(UploadsTest, ANewerRequestTakesOverFromAnOlderOne) {
  const std::string content = Content(3 * kMiB);
  const UploadTicket ticket = Open();
  Streaming older = Must(Stream(ticket, 0, std::nullopt));
  Feed(*older.sink, std::string_view(content).substr(0, kMiB));
  EXPECT_FALSE(older.sink->failed());
  for (const std::uint64_t wrong : {std::uint64_t{0}, kMiB + 1}) {
    EXPECT_EQ(CodeOf(Append(ticket, wrong, "x")), ErrorCode::kUploadOffset);  // takes nothing over
    EXPECT_FALSE(older.sink->failed());
  }
  std::thread connection = EndsWhenOvertaken(older.sink);
  const ChunkResult result =
      Must(Append(ticket, kMiB, std::string_view(content).substr(kMiB), TestRegistry::DigestOf(content)));
  connection.join();
  EXPECT_TRUE(result.layer);
}

// A status was asked for while the last bytes of a broken line were still coming in: who goes on from there
// is told where the session stands once they have, and that stays so.
TEST_F(UploadsTest, WhoGoesOnFromAStatusEndsTheOlderRequest) {
  const std::string content = Content(3 * kMiB);
  const UploadTicket ticket = Open();
  Streaming older = Must(Stream(ticket, 0, std::nullopt));
  Feed(*older.sink, std::string_view(content).substr(0, kMiB));
  const std::uint64_t told = Received(ticket);
  Feed(*older.sink, std::string_view(content).substr(kMiB, kMiB));
  std::thread connection = EndsWhenOvertaken(older.sink);
  const auto moved = Append(ticket, told, std::string_view(content).substr(told));
  connection.join();
  ASSERT_EQ(CodeOf(moved), ErrorCode::kUploadOffset);
  EXPECT_EQ(moved.error().fact("offset"), std::to_string(2 * kMiB));
  EXPECT_TRUE(Must(Append(ticket, 2 * kMiB, std::string_view(content).substr(2 * kMiB),
                          TestRegistry::DigestOf(content)))
                  .layer);
}

TEST_F(UploadsTest, OnALoopOnlyAFreeSessionInMemoryGoesOn) {
  const auto begins = [&](const UploadTicket& ticket, std::uint64_t offset) {
    return registry->uploads->TryAppendStream(*repository, ticket, {offset, std::nullopt}, kMiB,
                                              {.make = {}}) != nullptr;
  };
  const UploadTicket ticket = Open();
  EXPECT_FALSE(begins(ticket, 0)) << "nobody knows of it";
  Streaming first = Must(Stream(ticket, 0, std::nullopt));
  Feed(*first.sink, Content(kMiB));
  EXPECT_FALSE(begins(ticket, kMiB)) << "a request holds it";
  EXPECT_EQ(Must(first.Finish()).received, kMiB);
  first.sink.reset();
  EXPECT_FALSE(begins(ticket, 0));
  EXPECT_TRUE(begins(ticket, kMiB));
  EXPECT_TRUE(begins(ticket, kMiB)) << "the last one has let go";
  const RepositoryPtr other = registry->Create("team/other");
  EXPECT_FALSE(registry->uploads->TryAppendStream(*other, ticket, {kMiB, std::nullopt}, 1, {.make = {}}));
  Must(registry->uploads->Cancel(*repository, ticket));
  EXPECT_FALSE(begins(ticket, kMiB));
}

TEST_F(UploadsTest, PartsAreInOrderDurableAndLongEnough) {
  const std::string part = Content(5 * kMiB), tail = "tail";
  const UploadTicket ticket = Must(registry->uploads->OpenDurable(*repository, "AIDATEST"));
  EXPECT_EQ(CodeOf(registry->uploads->CompleteParts(*repository, ticket, {TestRegistry::DigestOf("")})),
            ErrorCode::kEmptyUpload);
  Must(registry->uploads->AppendPart(*repository, ticket, 0, AsBytes(part)));
  EXPECT_EQ(CodeOf(registry->uploads->AppendPart(*repository, ticket, 0, AsBytes(part))),
            ErrorCode::kUploadOffset);
  RestartAnd();
  const UploadTicket found = Must(registry->uploads->Find(*repository, ticket.id));
  Must(registry->uploads->AppendPart(*repository, found, part.size(), AsBytes(tail)));
  const Digest digest = TestRegistry::DigestOf(part + tail);
  EXPECT_EQ(CodeOf(registry->uploads->CompleteParts(*repository, found, {TestRegistry::DigestOf("x")})),
            ErrorCode::kLayerDigestMismatch);
  EXPECT_EQ(CodeOf(registry->uploads->CompleteParts(*repository, found, {})),
            ErrorCode::kLayerDigestMismatch);
  EXPECT_EQ(Must(registry->uploads->CompleteParts(*repository, found, {TestRegistry::DigestOf("x"), digest}))
                .digest,
            digest);

  const UploadTicket again = Must(registry->uploads->OpenDurable(*repository, "AIDATEST"));
  Must(registry->uploads->AppendPart(*repository, again, 0, AsBytes(part + tail)));
  EXPECT_EQ(CodeOf(registry->uploads->CompleteParts(*repository, again, {digest})),
            ErrorCode::kLayerAlreadyExists);

  const UploadTicket shorts = Must(registry->uploads->OpenDurable(*repository, "AIDATEST"));
  Must(registry->uploads->AppendPart(*repository, shorts, 0, AsBytes("short")));
  Must(registry->uploads->AppendPart(*repository, shorts, 5, AsBytes("er")));
  EXPECT_EQ(
      CodeOf(registry->uploads->CompleteParts(*repository, shorts, {TestRegistry::DigestOf("shorter")})),
      ErrorCode::kLayerPartTooSmall);
}

TEST_F(UploadsTest, Sha512AndEmptyLayers) {
  const std::string content = Content(2 * kMiB);
  const Digest sha512 = Digest::Of(HashAlgorithm::kSha512, AsBytes(content));
  const UploadTicket ticket = Open();
  Must(Append(ticket, 0, content));
  EXPECT_EQ(Must(Append(ticket, content.size(), "", sha512)).layer->digest, sha512);
  EXPECT_EQ(Must(registry->Pull(*repository, sha512)), content);
  Must(registry->Push(*repository, ""));
  EXPECT_EQ(Must(registry->Pull(*repository, TestRegistry::DigestOf(""))), "");
}

TEST_F(UploadsTest, IdleSessionsLeaveMemoryNotTheStore) {
  const UploadTicket ticket = Open();
  Must(Append(ticket, 0, "abc"));
  clock.Advance(std::chrono::minutes(1));
  registry->uploads->TendIdle();
  EXPECT_EQ(Received(ticket), 3u);
  EXPECT_TRUE(Must(Append(ticket, 3, "d", TestRegistry::DigestOf("abcd"))).layer);
}

TEST_F(UploadsTest, ARequestThatMeetsAnIdleSessionLeavingLosesNothing) {
  for (int round = 0; round < 100; ++round) {
    const UploadTicket ticket = Open();
    Must(Append(ticket, 0, "abc"));
    clock.Advance(std::chrono::minutes(1));
    std::thread tending([&] { registry->uploads->TendIdle(); });
    std::this_thread::sleep_for(std::chrono::microseconds(20 * round));  // at every stage of it, some time
    EXPECT_EQ(Must(Append(ticket, 3, "d")).received, 4u);
    tending.join();
    const Result<ChunkResult> closed = Append(ticket, 4, "e", TestRegistry::DigestOf("abcde"));
    EXPECT_TRUE(closed) << "round " << round << ": " << closed.error().ToString();
  }
}

// As another process takes a session over: whoever held it before keeps, closes and resumes nothing of it.
TEST_F(UploadsTest, AWriterThatWasOvertakenChangesNothing) {
  const std::string content = Content(5 * kMiB);
  const Digest digest = TestRegistry::DigestOf(content);
  const auto overtake = [&](const UploadTicket& ticket) {
    EXPECT_TRUE(Must(registry->store->Write([&](metadata::WriteTransaction& transaction) {
      return metadata::FenceUpload(transaction, RefOf(*repository), ticket.id, 0);
    })));
  };
  const UploadTicket going_on = Open(), closing = Open(), resuming = Open();
  for (const UploadTicket& ticket : {going_on, closing, resuming}) {
    Must(Append(ticket, 0, content));
    ASSERT_EQ(CheckpointedTo(ticket), content.size());
  }
  overtake(going_on);
  EXPECT_EQ(CodeOf(Append(going_on, content.size(), content)), ErrorCode::kUploadNotFound);
  EXPECT_EQ(CheckpointedTo(going_on), content.size());
  overtake(closing);
  EXPECT_EQ(CodeOf(Append(closing, content.size(), "", digest)), ErrorCode::kUploadNotFound);
  EXPECT_EQ(CodeOf(registry->layers->Claim(*repository, digest)), ErrorCode::kLayerNotFound);

  clock.Advance(std::chrono::minutes(1));
  registry->uploads->TendIdle();
  EXPECT_EQ(CodeOf(Append(resuming, 1, "x")), ErrorCode::kUploadOffset);  // which reads the row
  overtake(resuming);
  EXPECT_EQ(CodeOf(Append(resuming, content.size(), content)), ErrorCode::kUploadNotFound);
  EXPECT_EQ(CheckpointedTo(resuming), content.size());
  EXPECT_EQ(RowOf(resuming)->writer_epoch, 1) << "it was taken from whoever overtook";
}

// design-storage 1.4.
TEST_F(UploadsTest, OpeningASessionAndASmallBodyWriteNothing) {
  blobs::FaultyFiles files;
  metadata::sql::FaultyVfs vfs("faulty");
  Restart({.files = &files, .vfs = vfs.name()});
  repository = registry->Find("team/app");
  const std::string body = Content(kMiB);
  const UploadTicket small = Open(), large = Open();
  const int calls = files.calls(), events = vfs.events();
  Must(Append(small, 0, body));
  EXPECT_EQ(Received(small), kMiB);
  EXPECT_EQ(files.calls(), calls);
  EXPECT_EQ(vfs.events(), events);
  Must(Append(large, 0, body));
  Must(Append(large, kMiB, "x"));
  EXPECT_EQ(FilesOnDisk(), 1);
  registry.reset();  // before its file systems
}

TEST_F(UploadsTest, WithoutMemoryASmallBodyGoesToAFile) {
  const std::string body = Content(kMiB);
  for (std::uint64_t taken = 0; taken < UploadSettings{}.memory; taken += body.size())
    Must(Append(Open(), 0, body));
  EXPECT_EQ(FilesOnDisk(), 0);
  const UploadTicket ticket = Open();
  Must(Append(ticket, 0, "x"));
  EXPECT_EQ(FilesOnDisk(), 1);
  Must(registry->uploads->Cancel(*repository, ticket));
}

// design-storage 1.3: what was written for one domain becomes no layer of another.
TEST_F(UploadsTest, AnUploadEndsWhereItsRepositoryHasAnotherDomain) {
  const std::string content = Content(2 * kMiB);
  const Digest digest = TestRegistry::DigestOf(content);
  const UploadTicket ticket = Open();
  Must(Append(ticket, 0, content));
  Must(registry->store->Write([&](metadata::WriteTransaction& transaction) -> Result<> {
    TRY(transaction->Run("UPDATE repositories SET domain = domain + 1"));
    return {};
  }));
  EXPECT_EQ(CodeOf(Append(ticket, content.size(), "", digest)), ErrorCode::kUnavailable);
  EXPECT_EQ(CodeOf(Append(ticket, content.size(), "", digest)), ErrorCode::kUploadOffset);  // it begins anew
  EXPECT_EQ(CodeOf(registry->layers->Claim(*repository, digest)), ErrorCode::kLayerNotFound);
  EXPECT_EQ(FilesOnDisk(), 0);
}

TEST_F(UploadsTest, ExpiredSessionsAndTheirFilesGo) {
  const UploadTicket ticket = Open();
  Must(Append(ticket, 0, Content(5 * kMiB)));
  clock.Advance(std::chrono::minutes(1));
  registry->uploads->TendIdle();
  EXPECT_EQ(FilesOnDisk(), 1);
  clock.Advance(std::chrono::hours(25));
  registry->CollectAll();
  EXPECT_EQ(FilesOnDisk(), 0);
  EXPECT_EQ(Received(ticket), 0u);
}

TEST_F(UploadsTest, AFileThatNoRowNamesGoesWithItsRepository) {
  const std::string part = Content(100);
  const UploadTicket idle = Open();
  Must(Append(idle, 0, part));
  const UploadTicket ticket = Must(registry->uploads->OpenDurable(*repository, "AIDATEST"));
  const UploadTicket loaded = Must(registry->uploads->OpenDurable(*repository, "AIDATEST"));
  Must(Append(loaded, 0, "abc"));
  Must(registry->repositories->Delete(TestRegistryName(), repository->name, true));
  registry->CollectAll();
  EXPECT_FALSE(registry->uploads->AppendPart(*repository, ticket, 0, AsBytes(part)));
  Must(Append(loaded, 3, part));
  clock.Advance(std::chrono::minutes(1));
  registry->uploads->TendIdle();
  EXPECT_EQ(FilesOnDisk(), 0);
}

// The sweep of a deleted repository takes its keys once.
TEST_F(UploadsTest, ACheckpointMakesNoKeyForADeletedRepository) {
  const std::string content = Content(5 * kMiB);
  const UploadTicket fresh = Open();
  const UploadTicket known = Must(registry->uploads->OpenDurable(*repository, "AIDATEST"));
  Must(registry->uploads->AppendPart(*repository, known, 0, AsBytes(content)));
  Must(registry->repositories->Delete(TestRegistryName(), repository->name, true));
  registry->CollectAll();
  clock.Advance(keys::KeyRing::kCacheTime);
  EXPECT_EQ(CodeOf(Append(fresh, 0, content)), ErrorCode::kRepositoryNotFound);
  EXPECT_EQ(CodeOf(registry->uploads->AppendPart(*repository, known, content.size(), AsBytes(content))),
            ErrorCode::kRepositoryNotFound);
  EXPECT_EQ(Must(registry->store->Read([](metadata::sql::Session& session) -> Result<std::int64_t> {
              metadata::sql::Cursor row = TRY(session.Query("SELECT COUNT(*) FROM repository_keys"));
              TRY(row.Next());
              return row.Int(0);
            })),
            0);
  EXPECT_EQ(FilesOnDisk(), 0);
}

}  // namespace
}  // namespace entrepot::registry
