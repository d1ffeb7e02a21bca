#pragma once

// Upload sessions: bytes on their way to become a layer (design-storage 1.2 to 1.4). One session has one
// writer at a time; a newer request at the right offset takes over from an older one. Opening a session
// writes nothing: the door keeps what identifies it in its sealed Location, and a row appears at the first
// checkpoint.
//
// Safe from any thread. The calls block; bodies stream through the sink.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/pool.h"
#include "blobs/blob_store.h"
#include "http/body.h"
#include "keys/key_ring.h"
#include "metadata/store.h"
#include "registry/grace.h"
#include "registry/repository.h"

namespace entrepot::registry {

/// Who and what a session is, as its opener was told: sealed into Locations by the OCI door, kept in the row
/// by the API.
struct UploadTicket {
  std::string id;  // a UUID
  RepositoryId repository{};
  std::string principal;                             // unique id of who opened it
  Timestamp opened_at;                               // wall time
  HashAlgorithm algorithm = HashAlgorithm::kSha256;  // of the digest that its opener means to close it by
};

struct UploadStatus {
  std::uint64_t received = 0;
};

struct UploadedLayer {
  Digest digest;
  std::int64_t size = 0;
  bool existed = false;  // the repository had it already
};

struct UploadSettings {
  std::uint64_t memory = 64u << 20;  // for bodies that are small enough to wait for their PUT in memory
};

class Uploads {
 public:
  /// `workers` runs checkpoints in mid-stream, `body_pool` hashes, encrypts and writes. All outlive this.
  Uploads(metadata::Store& store, blobs::BlobStore& files, keys::KeyRing& keys, const Grace& grace,
          ThreadPool& workers, ThreadPool& body_pool, UploadSettings settings);
  ~Uploads();

  /// A new session that nothing remembers but the ticket.
  UploadTicket Open(const Repository& repository, std::string_view principal,
                    HashAlgorithm algorithm = HashAlgorithm::kSha256);
  /// A new session with a row, as InitiateLayerUpload makes it: its id alone finds it.
  Result<UploadTicket> OpenDurable(const Repository& repository, std::string_view principal);
  /// The ticket of a session that has a row. kUploadNotFound.
  Result<UploadTicket> Find(const Repository& repository, std::string_view id);

  /// How far the session is. kUploadNotFound when it was cancelled, completed, or its time is over.
  Result<UploadStatus> Status(const Repository& repository, const UploadTicket& ticket);

  /// A body that begins at `offset` of the layer; with `digest` it is the closing one, and its end commits
  /// the layer. kUploadOffset (fact offset) when `offset` is not where the session stands.
  struct Chunk {
    std::uint64_t offset = 0;
    std::optional<Digest> closing_digest;
    bool whole = false;  // nobody knows of the session: what does not become a layer now is not kept
  };
  /// What became of a chunk: the bytes received so far, and the layer when it was the closing one.
  struct ChunkResult {
    std::uint64_t received = 0;
    std::optional<UploadedLayer> layer;
  };
  /// A whole small body at once. The block outlives the call while it is being written.
  Result<ChunkResult> Append(const Repository& repository, const UploadTicket& ticket, const Chunk& chunk,
                             http::Block body);
  /// Makes the response from the result.
  struct Answer {
    std::function<http::Response(Result<ChunkResult>)> make;  // on a worker
    /// On an event loop; false, with nothing done, when it would wait. None = it always would.
    std::function<bool(const ChunkResult&, http::Response&)> try_make = {};
  };
  /// A body that streams.
  Result<std::unique_ptr<http::BodySink>> AppendStream(const Repository& repository,
                                                       const UploadTicket& ticket, const Chunk& chunk,
                                                       std::uint64_t expected_size, Answer answer);
  /// The same on an event loop, for a chunk that does not close its session: null, with nothing done, unless
  /// the session is in memory, held by no request, stands at chunk.offset and has a file already.
  std::unique_ptr<http::BodySink> TryAppendStream(const Repository& repository, const UploadTicket& ticket,
                                                  const Chunk& chunk, std::uint64_t expected_size,
                                                  Answer answer);
  /// A whole small layer with no session: POST with ?digest=.
  Result<UploadedLayer> PutWhole(const Repository& repository, std::string_view principal,
                                 const Digest& digest, http::Block body);

  /// UploadLayerPart, which begins at the position `first`. Durable when it returns (a checkpoint).
  /// kUploadOffset when it is not the next; kLimitExceeded past 4,200 parts.
  Result<ChunkResult> AppendPart(const Repository& repository, const UploadTicket& ticket,
                                 std::uint64_t first, Bytes body);
  /// CompleteLayerUpload: the computed sha256 must be among `digests` (which may be none: those of other
  /// algorithms are left out). kEmptyUpload, kLayerPartTooSmall, kLayerDigestMismatch, kLayerAlreadyExists
  /// (the session is used up by that too).
  Result<UploadedLayer> CompleteParts(const Repository& repository, const UploadTicket& ticket,
                                      const std::vector<Digest>& digests);

  /// kUploadNotFound when it is over already. A cancelled id stays refused until it would have expired.
  Result<> Cancel(const Repository& repository, const UploadTicket& ticket);

  /// Checkpoints sessions that no request has touched for a while and lets go of them. Called every few
  /// seconds.
  void TendIdle();
  /// Checkpoints every open session; for an orderly stop, after the server has stopped.
  void CheckpointAll();

  struct State;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace entrepot::registry
