#include "registry/uploads.h"

#include <thread>

#include <gmock/gmock.h>

#include "blobs/faulty_files.h"
#include "http/response.h"
#include "metadata/sql/faulty_vfs.h"
#include "metadata/uploads.h"
#include "registry/refs.h"
#include "registry/test_registry.h"
#include "registry/upload_session.h"

namespace entrepot::registry {
namespace {

constexpr std::uint64_t kMiB = 1 << 20;

class UploadsTest : public RegistryTest {
 protected:
  using ChunkResult = Uploads::ChunkResult;

  UploadTicket Open() { return registry->uploads->Open(*repository, "AIDATEST"); }
  Result<ChunkResult> Append(const UploadTicket& ticket, std::uint64_t offset, std::string_view bytes,
                             std::optional<Digest> closing = std::nullopt) {
    return registry->uploads->Append(*repository, ticket, {offset, closing}, BlockOf(bytes));
  }
  // As the connection does: blocks, then Finish on a worker once all of them are gone. The result is what the
  // door would answer from.
  struct Streaming {
    std::unique_ptr<http::BodySink> sink;
    std::shared_ptr<std::optional<Result<ChunkResult>>> result;
    Result<ChunkResult> Finish() {
      sink->Finish();
      return **result;
    }
  };
  Result<Streaming> Stream(const UploadTicket& ticket, std::uint64_t offset, std::optional<Digest> closing) {
    auto result = std::make_shared<std::optional<Result<ChunkResult>>>();
    auto sink = TRY(registry->uploads->AppendStream(*repository, ticket, {offset, closing}, 0,
                                                    {.make = [result](Result<ChunkResult> r) {
                                                      result->emplace(std::move(r));
                                                      return http::Response{};
                                                    }}));
    return Streaming{std::move(sink), result};
  }
  static void Feed(http::BodySink& sink, std::string_view bytes) {
    while (!bytes.empty()) {
      const std::size_t n = std::min<std::size_t>(bytes.size(), http::Block::kCapacity);
      std::shared_ptr<std::uint8_t> memory(
          static_cast<std::uint8_t*>(std::aligned_alloc(4096, http::Block::kCapacity)), std::free);
      std::memcpy(memory.get(), bytes.data(), n);
      sink.Append(http::Block(std::move(memory), n));
      bytes.remove_prefix(n);
    }
  }
  // What a connection does once it sees failed().
  static std::thread EndsWhenOvertaken(std::unique_ptr<http::BodySink>& sink) {
    return std::thread([&sink] {
      while (!sink->failed()) std::this_thread::yield();
      sink->Abort();
      sink.reset();
    });
  }
  std::uint64_t Received(const UploadTicket& ticket) {
    return Must(registry->uploads->Status(*repository, ticket)).received;
  }
  std::optional<metadata::UploadRow> RowOf(const UploadTicket& ticket) {
    return Must(registry->store->Read([&](metadata::sql::Session& session) {
      return metadata::FindUpload(session, RefOf(*repository), ticket.id);
    }));
  }
  /// How far a process that starts now finds the session to be.
  std::uint64_t CheckpointedTo(const UploadTicket& ticket) {
    UploadContext context{*registry->store,  *registry->blob_store, *registry->keys,        registry->grace,
                          registry->workers, registry->body_pool,   UploadSettings{}.memory};
    UploadSession session(context, *repository, ticket);
    Must(session.Load());
    return session.received();
  }
  static int FilesIn(blobs::Files& files, const std::string& root) {
    int count = 0;
    for (const std::string& directory : *files.List(root))
      if (directory != "root-id") count += static_cast<int>(files.List(root + '/' + directory)->size());
    return count;
  }
  void RestartAnd() {
    Restart();
    repository = registry->Find("team/app");
  }

  RepositoryPtr repository = registry->Create("team/app");
};

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

TEST_F(UploadsTest, CheckpointsInMidStream) {
  const std::string content = Content(9 * kMiB);
  const UploadTicket ticket = Open();
  Streaming stream = Must(Stream(ticket, 0, std::nullopt));
  Feed(*stream.sink, std::string_view(content).substr(0, 5 * kMiB));
  // Each is of what has been written by then, which catches up.
  for (std::uint64_t at = 5 * kMiB; CheckpointedTo(ticket) < 4 * kMiB && at < content.size(); at += 1000) {
    clock.Advance(std::chrono::seconds(6));
    Feed(*stream.sink, std::string_view(content).substr(at, 1000));
    std::this_thread::sleep_for(std::chrono::milliseconds(1));  // between two looks
  }
  EXPECT_GE(CheckpointedTo(ticket), 4 * kMiB);
  stream.sink->Abort();
}

TEST_F(UploadsTest, CheckpointsASlowStreamToo) {
  const std::string content = Content(200'000);
  const UploadTicket ticket = Open();
  Streaming stream = Must(Stream(ticket, 0, std::nullopt));
  Feed(*stream.sink, std::string_view(content).substr(0, 100'000));
  clock.Advance(std::chrono::seconds(6));
  Feed(*stream.sink, std::string_view(content).substr(100'000));
  while (CheckpointedTo(ticket) == 0) std::this_thread::yield();
  stream.sink->Abort();
}

TEST_F(UploadsTest, NoAnswerLeavesFourMiBUnprotected) {
  const std::string content = Content(25 * kMiB);
  const UploadTicket ticket = Open();
  for (std::uint64_t offset = 0; offset < content.size(); offset += kMiB) {
    const std::string_view chunk = std::string_view(content).substr(offset, kMiB);
    const std::uint64_t told = Must(registry->StreamChunk(*repository, ticket, {offset, {}}, chunk)).received;
    EXPECT_EQ(told, offset + kMiB);
    EXPECT_LT(told, CheckpointedTo(ticket) + 4 * kMiB);
  }
  const Digest digest = TestRegistry::DigestOf(content);
  EXPECT_TRUE(Must(Append(ticket, content.size(), "", digest)).layer);
  EXPECT_EQ(Must(registry->Pull(*repository, digest)), content);
}

TEST_F(UploadsTest, TheDatabaseLearnsOnceOfAnUploadInChunks) {
  const std::string content = Content(20 * kMiB);
  const UploadTicket ticket = Open();
  std::set<std::int64_t> rows;
  for (std::uint64_t offset = 0; offset < content.size(); offset += kMiB) {
    Must(registry->StreamChunk(*repository, ticket, {offset, {}},
                               std::string_view(content).substr(offset, kMiB)));
    if (const auto row = RowOf(ticket)) rows.insert(row->received);
  }
  EXPECT_EQ(rows.size(), 1u);
  RestartAnd();
  const std::uint64_t received = Received(ticket);
  EXPECT_GT(received + 4 * kMiB, content.size());
  const Digest digest = TestRegistry::DigestOf(content);
  EXPECT_TRUE(Must(Append(ticket, received, std::string_view(content).substr(received), digest)).layer);
  EXPECT_EQ(Must(registry->Pull(*repository, digest)), content);
}

TEST_F(UploadsTest, ACheckpointBeginsBeforeAnAnswerNeedsIt) {
  const std::string content = Content(3 * kMiB);
  const UploadTicket ticket = Open();
  for (std::uint64_t offset = 0; offset < content.size(); offset += kMiB)
    Must(registry->StreamChunk(*repository, ticket, {offset, {}},
                               std::string_view(content).substr(offset, kMiB)));
  while (CheckpointedTo(ticket) == 0) std::this_thread::yield();
  RestartAnd();  // as if the power had failed: nobody checkpoints at the end
  const std::uint64_t received = Received(ticket);
  EXPECT_GT(received, 0u);
  const Digest digest = TestRegistry::DigestOf(content);
  Must(Append(ticket, received, std::string_view(content).substr(received), digest));
  EXPECT_EQ(Must(registry->Pull(*repository, digest)), content);
}

TEST_F(UploadsTest, AnUploadOfOneChunkIsNotCheckpointedAhead) {
  const UploadTicket ticket = Open();
  Must(registry->StreamChunk(*repository, ticket, {0, {}}, Content(3 * kMiB + 5)));
  const Digest digest = TestRegistry::DigestOf(Content(3 * kMiB + 5));
  EXPECT_EQ(CheckpointedTo(ticket), 0u);
  EXPECT_TRUE(Must(Append(ticket, 3 * kMiB + 5, "", digest)).layer);
}

TEST_F(UploadsTest, ASyncThatFailsBehindTheAnswersEndsTheUpload) {
  const std::string content = Content(16 * kMiB);
  blobs::FaultyFiles files;
  registry.reset();
  registry = std::make_unique<TestRegistry>(directory, clock, TestRegistry::Options{.files = &files});
  repository = registry->Find("team/app");
  for (const int sync : {1, 2, 3}) {  // of the first checkpoint, and of the file's own progress
    const UploadTicket ticket = Open();
    files.FailAt(blobs::FaultyFiles::Call::kSync, sync, EIO);
    std::uint64_t offset = 0;
    while (offset < content.size() && registry->StreamChunk(*repository, ticket, {offset, {}},
                                                            std::string_view(content).substr(offset, kMiB)))
      offset += kMiB;
    EXPECT_LT(offset,
              static_cast<unsigned>(sync) * 4 * kMiB);  // the answer that needed it was the last that could
    EXPECT_EQ(CodeOf(Append(ticket, offset, "x")), ErrorCode::kUploadNotFound) << sync;
    EXPECT_EQ(FilesOnDisk(), 0) << sync;
  }
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

TEST_F(UploadsTest, WhatAFullDatabaseCutShortLeavesNoFile) {
  const std::string content = Content(5 * kMiB);
  registry.reset();
  metadata::sql::FaultyVfs vfs("faulty");
  registry = std::make_unique<TestRegistry>(directory, clock, TestRegistry::Options{.vfs = vfs.name()});
  repository = registry->Find("team/app");
  const UploadTicket chunked = Open();
  const UploadTicket streamed = Open();
  const UploadTicket broken = Open();
  const UploadTicket idle = Open();
  const UploadTicket parts = Must(registry->uploads->OpenDurable(*repository, "AIDATEST"));
  Must(Append(idle, 0, std::string_view(content).substr(0, 3 * kMiB)));
  vfs.FailAt(metadata::sql::FaultyVfs::Event::kWrite, 1, metadata::sql::FaultyVfs::Fault::kDiskFull);

  EXPECT_EQ(CodeOf(Append(chunked, 0, content)), ErrorCode::kStorageFull);
  EXPECT_EQ(CodeOf(registry->StreamChunk(*repository, streamed, {0, std::nullopt}, content)),
            ErrorCode::kStorageFull);
  EXPECT_EQ(CodeOf(registry->uploads->AppendPart(*repository, parts, 0, AsBytes(content))),
            ErrorCode::kStorageFull);
  EXPECT_EQ(CodeOf(registry->Push(*repository, content)), ErrorCode::kStorageFull);
  {
    Streaming connection = Must(Stream(broken, 0, std::nullopt));
    Feed(*connection.sink, content);
    connection.sink->Abort();
  }
  clock.Advance(std::chrono::minutes(1));
  registry->uploads->TendIdle();
  EXPECT_EQ(FilesOnDisk(), 1);  // of the session that is still in memory

  vfs.Mend();
  clock.Advance(std::chrono::minutes(1));
  registry->uploads->TendIdle();
  EXPECT_EQ(CheckpointedTo(idle), 3 * kMiB);
  for (const UploadTicket& ticket : {chunked, streamed, broken})
    Must(Append(ticket, 0, content, TestRegistry::DigestOf(content)));
  Must(registry->uploads->AppendPart(*repository, parts, 0, AsBytes(content)));
  EXPECT_EQ(FilesOnDisk(), 3);  // the layer's, and of the two open sessions
  registry.reset();             // before its file system
}

// Whichever call of the disk fails, once: what nobody will go on with leaves no file for a restart to sweep.
TEST_F(UploadsTest, NoFailureOfTheDiskLeavesAFile) {
  using Call = blobs::FaultyFiles::Call;
  const std::string content = Content(5 * kMiB);
  for (const Call kind : {Call::kCreate, Call::kOpen, Call::kRead, Call::kWrite, Call::kSync, Call::kTruncate,
                          Call::kMakeDirectory, Call::kSyncDirectory, Call::kStatus}) {
    bool reached = true;
    for (int nth = 1; reached; ++nth) {
      SCOPED_TRACE(testing::Message() << "kind " << static_cast<int>(kind) << ", call " << nth);
      blobs::FaultyFiles files;
      const metadata::sql::TestDirectory folder;
      TestRegistry life(folder, clock, {.files = &files});
      const RepositoryPtr target = life.Create("team/app");
      const UploadTicket chunked = life.uploads->Open(*target, "AIDATEST");
      const UploadTicket left = life.uploads->Open(*target, "AIDATEST");
      const UploadTicket parts = Must(life.uploads->OpenDurable(*target, "AIDATEST"));
      files.FailAt(kind, nth, ENOSPC);
      (void)life.StreamChunk(*target, left, {0, std::nullopt}, std::string_view(content).substr(2 * kMiB));
      (void)life.uploads->AppendPart(*target, parts, 0, AsBytes(content));
      (void)life.StreamChunk(*target, chunked, {0, std::nullopt}, content);
      clock.Advance(std::chrono::minutes(1));
      life.uploads->TendIdle();
      const auto status = life.uploads->Status(*target, chunked);
      const std::uint64_t stands = status ? status->received : 0;  // none: it has ended
      (void)life.StreamChunk(*target, chunked, {stands, TestRegistry::DigestOf(content)},
                             std::string_view(content).substr(stands));
      (void)life.Push(*target, std::string_view(content).substr(1));
      reached = files.failed();
      Must(life.repositories->Delete(TestRegistryName(), target->name, true));
      clock.Advance(std::chrono::minutes(1));
      life.uploads->TendIdle();
      clock.Advance(std::chrono::hours(25));
      life.CollectAll();
      life.uploads->TendIdle();
      EXPECT_EQ(FilesIn(files, folder.File("blobs")), 0);
    }
  }
}

TEST_F(UploadsTest, AFullDiskIsToldAndTheSessionGoesOnFromItsCheckpoint) {
  const std::string content = Content(12 * kMiB);
  blobs::FaultyFiles files;
  registry.reset();
  registry = std::make_unique<TestRegistry>(directory, clock, TestRegistry::Options{.files = &files});
  repository = registry->Find("team/app");
  const UploadTicket ticket = Open();
  Must(Append(ticket, 0, std::string_view(content).substr(0, 5 * kMiB)));  // with a checkpoint
  files.FailAt(blobs::FaultyFiles::Call::kWrite, 1, ENOSPC);
  const auto full = Append(ticket, 5 * kMiB, std::string_view(content).substr(5 * kMiB, 5 * kMiB));
  EXPECT_EQ(CodeOf(full), ErrorCode::kStorageFull);
  const std::uint64_t received = Received(ticket);
  EXPECT_EQ(received, 5 * kMiB);
  Must(Append(ticket, received, std::string_view(content).substr(received), TestRegistry::DigestOf(content)));
  EXPECT_EQ(Must(registry->Pull(*repository, TestRegistry::DigestOf(content))), content);
}

}  // namespace
}  // namespace entrepot::registry
