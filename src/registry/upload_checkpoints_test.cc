// What of an upload is kept while it is under way, and what is left when the disk or the database fails it.

#include "registry/test_uploads.h"

namespace entrepot::registry {
namespace {

using UploadCheckpoints = UploadsTest;

TEST_F(UploadCheckpoints, CheckpointsInMidStream) {
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

TEST_F(UploadCheckpoints, CheckpointsASlowStreamToo) {
  const std::string content = Content(200'000);
  const UploadTicket ticket = Open();
  Streaming stream = Must(Stream(ticket, 0, std::nullopt));
  Feed(*stream.sink, std::string_view(content).substr(0, 100'000));
  clock.Advance(std::chrono::seconds(6));
  Feed(*stream.sink, std::string_view(content).substr(100'000));
  while (CheckpointedTo(ticket) == 0) std::this_thread::yield();
  stream.sink->Abort();
}

TEST_F(UploadCheckpoints, NoAnswerLeavesFourMiBUnprotected) {
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

// Where the lanes are behind, a row is written all the same: how often depends on the machine.
TEST_F(UploadCheckpoints, AnUploadInChunksIsKeptByItsFileAheadOfTheDatabase) {
  const std::string content = Content(20 * kMiB);
  const UploadTicket ticket = Open();
  int ahead = 0;
  for (std::uint64_t offset = 0; offset < content.size(); offset += kMiB) {
    Must(registry->StreamChunk(*repository, ticket, {offset, {}},
                               std::string_view(content).substr(offset, kMiB)));
    const auto row = RowOf(ticket);
    ahead += row && CheckpointedTo(ticket) > static_cast<std::uint64_t>(row->received);
  }
  EXPECT_GT(ahead, 0);
  RestartAnd();
  const std::uint64_t received = Received(ticket);
  EXPECT_GT(received + 4 * kMiB, content.size());
  const Digest digest = TestRegistry::DigestOf(content);
  EXPECT_TRUE(Must(Append(ticket, received, std::string_view(content).substr(received), digest)).layer);
  EXPECT_EQ(Must(registry->Pull(*repository, digest)), content);
}

TEST_F(UploadCheckpoints, ACheckpointBeginsBeforeAnAnswerNeedsIt) {
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

TEST_F(UploadCheckpoints, AnUploadOfOneChunkIsNotCheckpointedAhead) {
  const UploadTicket ticket = Open();
  Must(registry->StreamChunk(*repository, ticket, {0, {}}, Content(3 * kMiB + 5)));
  const Digest digest = TestRegistry::DigestOf(Content(3 * kMiB + 5));
  EXPECT_EQ(CheckpointedTo(ticket), 0u);
  EXPECT_TRUE(Must(Append(ticket, 3 * kMiB + 5, "", digest)).layer);
}

TEST_F(UploadCheckpoints, ASyncThatFailsBehindTheAnswersEndsTheUpload) {
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

TEST_F(UploadCheckpoints, WhatAFullDatabaseCutShortLeavesNoFile) {
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
TEST_F(UploadCheckpoints, NoFailureOfTheDiskLeavesAFile) {
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

TEST_F(UploadCheckpoints, AFullDiskIsToldAndTheSessionGoesOnFromItsCheckpoint) {
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
