#pragma once

// What tests of upload sessions share: requests as the doors and connections make them, and looks at what is
// kept.

#include <cstring>
#include <thread>

#include <gmock/gmock.h>

#include "blobs/faulty_files.h"
#include "http/response.h"
#include "metadata/sql/faulty_vfs.h"
#include "metadata/uploads.h"
#include "registry/refs.h"
#include "registry/test_registry.h"
#include "registry/upload_session.h"
#include "registry/uploads.h"

namespace entrepot::registry {

inline constexpr std::uint64_t kMiB = 1 << 20;

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

}  // namespace entrepot::registry
