// Layers on their way in: a session is opened, fed in order, and closed by the digest of the whole
// (OCI Distribution v1.1, "Pushing blobs"; design-storage 1.2 to 1.4).

#include <charconv>
#include <string>

#include "base/check.h"
#include "oci/errors.h"
#include "oci/exact_body.h"
#include "oci/mounts.h"
#include "oci/operations.h"
#include "oci/upload_location.h"

namespace entrepot::oci {
namespace {

using ChunkResult = registry::Uploads::ChunkResult;

constexpr std::uint64_t kEcrMinimumChunk = 5 << 20;

/// 201 with where the layer is.
http::Response LayerCreated(const Call& call, const Digest& digest) {
  const std::string name = digest.ToString();
  http::Response response{.status = 201};
  response.Add("Location", "/v2/" + call.repository->name.str() + "/blobs/" + name);
  response.Add("Docker-Content-Digest", name);
  return response;
}

http::Response LayerReceived(const Rooms& rooms, const Call& call, const registry::UploadedLayer& layer) {
  rooms.traffic.Received(*call.repository, static_cast<std::uint64_t>(layer.size));
  return LayerCreated(call, layer.digest);
}

/// Adds where the session stands: 0-0 says that nothing has come yet, as it does for a single byte; the
/// Location knows the difference.
void AddProgress(const Rooms& rooms, const Call& call, const UploadLocation& at, http::Response& response) {
  response.Add("Location", WriteUploadLocation(rooms.access, *call.repository, at));
  response.Add("Range", "0-" + std::to_string(at.offset == 0 ? 0 : at.offset - 1));
  response.Add("Docker-Upload-UUID", at.ticket.id);
}

ShortChunks AfterChunk(ShortChunks before, std::uint64_t length) {
  if (length == 0 || before == ShortChunks::kInTheMiddle) return before;
  if (before == ShortChunks::kLast) return ShortChunks::kInTheMiddle;
  return length < kEcrMinimumChunk ? ShortChunks::kLast : ShortChunks::kNone;
}

/// ECR makes a part of each chunk, and refuses to close an upload with a small one before the last.
Result<> CheckChunks(const Rooms& rooms, const Call& call) {
  if (!rooms.ecr_quirks) return {};
  const std::uint64_t last = call.head.has_body() ? 1 : 0;
  if (AfterChunk(call.upload->short_chunks, last) != ShortChunks::kInTheMiddle) return {};
  return Fail(ErrorCode::kLayerPartTooSmall);
}

std::uint64_t OffsetFact(const Error& error) {
  const std::string_view text = error.fact("offset");
  std::uint64_t offset = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), offset);
  CHECK(fault == std::errc() && end == text.data() + text.size());
  return offset;
}

/// The answer to a chunk for the session that stands `at` a place. One that begins elsewhere is told the
/// right one.
Result<http::Response> ChunkAnswer(const Rooms& rooms, const Call& call, UploadLocation at,
                                   std::uint64_t begin, const Result<ChunkResult>& result) {
  if (result && result->layer) return LayerReceived(rooms, call, *result->layer);
  if (result) {
    http::Response response{.status = 202};
    at.offset = result->received;
    at.short_chunks = AfterChunk(at.short_chunks, result->received - begin);
    AddProgress(rooms, call, at, response);
    return response;
  }
  if (result.error().code() != ErrorCode::kUploadOffset) return Fail(result.error());
  http::Response response = ErrorResponse(result.error());
  at.offset = OffsetFact(result.error());
  AddProgress(rooms, call, at, response);
  return response;
}

/// Makes the answer to a chunk whose body streams, from what became of it.
registry::Uploads::Answer AnswerTo(const Rooms& rooms, const CallPtr& call, const UploadLocation& at,
                                   std::uint64_t begin) {
  struct Begun {
    const Rooms& rooms;
    CallPtr call;
    UploadLocation at;
    std::uint64_t begin;
  };
  const auto begun = std::make_shared<const Begun>(Begun{rooms, call, at, begin});
  return {.make =
              [begun](const Result<ChunkResult>& result) {
                return begun->call->finish(
                    ChunkAnswer(begun->rooms, *begun->call, begun->at, begun->begin, result));
              },
          .try_make =
              [begun](const ChunkResult& result, http::Response& response) {
                Result<http::Response> answer =
                    ChunkAnswer(begun->rooms, *begun->call, begun->at, begun->begin, result);
                return begun->call->try_finish(answer, response);
              }};
}

Error OtherLength() {
  return Error(ErrorCode::kUploadRangeInvalid).With("detail", "its length differs from the body's");
}

/// Holds a body whose length only its end tells to the call's Content-Range, if it has one.
std::unique_ptr<http::BodySink> HeldToItsRange(const CallPtr& call, std::unique_ptr<http::BodySink> sink) {
  const std::optional<http::ByteRange>& range = call->parameters.content_range;
  if (!sink || !range || !call->head.chunked) return sink;
  return std::make_unique<ExactBody>(std::move(sink), range->length(),
                                     [call] { return call->finish(Fail(OtherLength())); });
}

/// Takes the call's body, whichever way it comes, as a chunk of the session.
Result<http::Reply> ReceiveChunk(const Rooms& rooms, const CallPtr& call, const UploadLocation& at,
                                 const registry::Uploads::Chunk& chunk) {
  const std::uint64_t begin = chunk.offset;
  if (!call->body_pending) {
    const std::optional<http::ByteRange>& range = call->parameters.content_range;
    if (range && range->length() != call->body.size()) return Fail(OtherLength());
    const auto result =
        rooms.uploads.Append(*call->repository, at.ticket, chunk, http::Block(call, AsBytes(call->body)));
    return TRY(ChunkAnswer(rooms, *call, at, begin, result));
  }
  Result<std::unique_ptr<http::BodySink>> sink =
      rooms.uploads.AppendStream(*call->repository, at.ticket, chunk, call->head.content_length.value_or(0),
                                 AnswerTo(rooms, call, at, begin));
  if (!sink) return TRY(ChunkAnswer(rooms, *call, at, begin, Fail(std::move(sink).error())));
  return HeldToItsRange(call, *std::move(sink));
}

/// A chunk that names its place begins there; another goes on where its Location was given.
std::uint64_t OffsetOf(const Call& call) {
  return call.parameters.content_range ? call.parameters.content_range->first : call.upload->offset;
}

/// Whether the layer that the client asked to mount is linked now; without a `from` it may be from anywhere.
Result<bool> Mount(const Rooms& rooms, Call& call) {
  const Parameters& wanted = call.parameters;
  if (!wanted.mount) return false;
  if (wanted.from) return MountFrom(rooms, call, *wanted.from, *wanted.mount);
  return MountFromAnywhere(rooms, call, *wanted.mount);
}

/// POST with ?digest=: the body is the whole layer.
Result<http::Reply> PutWholeLayer(const Rooms& rooms, const CallPtr& call) {
  TRY(Authorize(rooms, *call, "ecr:UploadLayerPart", call->repository->name));
  TRY(Authorize(rooms, *call, "ecr:CompleteLayerUpload", call->repository->name));
  const std::string& principal = call->caller->unique_id;
  if (call->body_pending)
    return ReceiveChunk(rooms, call, {.ticket = rooms.uploads.Open(*call->repository, principal)},
                        {.offset = 0, .closing_digest = call->parameters.digest, .whole = true});
  const registry::UploadedLayer layer = TRY(rooms.uploads.PutWhole(
      *call->repository, principal, *call->parameters.digest, http::Block(call, AsBytes(call->body))));
  return LayerReceived(rooms, *call, layer);
}

}  // namespace

Result<http::Reply> OpenUpload(const Rooms& rooms, const CallPtr& call) {
  if (TRY(Mount(rooms, *call))) return LayerCreated(*call, *call->parameters.mount);
  if (call->parameters.digest && !call->parameters.mount) return PutWholeLayer(rooms, call);
  const UploadLocation at{
      .ticket = rooms.uploads.Open(*call->repository, call->caller->unique_id, call->parameters.algorithm)};
  http::Response response{.status = 202};
  AddProgress(rooms, *call, at, response);
  if (rooms.ecr_quirks) response.Add("OCI-Chunk-Min-Length", std::to_string(kEcrMinimumChunk));
  return response;
}

Result<http::Reply> AppendToUpload(const Rooms& rooms, const CallPtr& call) {
  return ReceiveChunk(rooms, call, *call->upload, {.offset = OffsetOf(*call), .closing_digest = {}});
}

std::unique_ptr<http::BodySink> TryAppendToUpload(const Rooms& rooms, const CallPtr& call) {
  const UploadLocation& at = *call->upload;
  const std::uint64_t begin = OffsetOf(*call);
  return HeldToItsRange(call, rooms.uploads.TryAppendStream(
                                  *call->repository, at.ticket, {.offset = begin, .closing_digest = {}},
                                  call->head.content_length.value_or(0), AnswerTo(rooms, call, at, begin)));
}

Result<http::Reply> CloseUpload(const Rooms& rooms, const CallPtr& call) {
  TRY(CheckChunks(rooms, *call));
  return ReceiveChunk(rooms, call, *call->upload,
                      {.offset = OffsetOf(*call), .closing_digest = call->parameters.digest});
}

Result<http::Reply> GetUpload(const Rooms& rooms, const CallPtr& call) {
  UploadLocation at = *call->upload;
  at.offset = TRY(rooms.uploads.Status(*call->repository, at.ticket)).received;
  http::Response response{.status = 204};
  AddProgress(rooms, *call, at, response);
  return response;
}

Result<http::Reply> CancelUpload(const Rooms& rooms, const CallPtr& call) {
  TRY(rooms.uploads.Cancel(*call->repository, call->upload->ticket));
  return http::Response{.status = 204};
}

}  // namespace entrepot::oci
