#include <deque>
#include <optional>
#include <sys/mman.h>
#include <thread>
#include <unistd.h>

#include <fmt/format.h>

#include "base/check.h"
#include "base/crypto.h"
#include "base/digest.h"
#include "base/encoding.h"
#include "bench/budget.h"
#include "bench/http_client.h"
#include "bench/loads.h"
#include "bench/summary.h"

namespace entrepot::bench {
namespace {

/// A blob whose last bytes change from push to push: what comes before them is hashed once, so that fresh
/// content costs microseconds, whatever its size. The bytes live in a memfd, to be sent from the page cache.
class FreshBlob {
 public:
  explicit FreshBlob(std::uint64_t size);
  FreshBlob(const FreshBlob&) = delete;
  ~FreshBlob() { munmap(bytes_.data(), bytes_.size()); }

  void Renew();
  const std::string& digest() const { return digest_; }
  std::uint64_t size() const { return bytes_.size(); }
  /// Small ranges go out with the head of their request, large ones by sendfile.
  RequestBody Range(std::uint64_t offset, std::uint64_t length) const {
    constexpr std::uint64_t kSmall = 64 * 1024;
    if (length > kSmall) return RequestBody::File(file_.get(), offset, length);
    return RequestBody::Memory(AsText(Bytes(bytes_)).substr(offset, length));
  }
  RequestBody Whole() const { return Range(0, size()); }

 private:
  static constexpr std::size_t kFreshBytes = 64;

  UniqueFd file_;
  MutableBytes bytes_;
  ByteVector hash_state_;  // after all but the last kFreshBytes
  std::string digest_;
};

FreshBlob::FreshBlob(std::uint64_t size) : file_(memfd_create("blob", MFD_CLOEXEC)) {
  CHECK(file_.valid() && ftruncate(file_.get(), static_cast<off_t>(size)) == 0);
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file_.get(), 0);
  CHECK(memory != MAP_FAILED);
  bytes_ = {static_cast<std::uint8_t*>(memory), size};
  const MutableBytes constant = bytes_.first(size - kFreshBytes);
  FillRandom(constant);
  Hasher hasher(HashAlgorithm::kSha256);
  hasher.Update(constant);
  hash_state_ = hasher.ExportState();
}

void FreshBlob::Renew() {
  const MutableBytes fresh = bytes_.last(kFreshBytes);
  FillRandom(fresh);
  auto hasher = Hasher::FromState(hash_state_);
  CHECK(hasher.has_value());
  hasher->Update(fresh);
  digest_ = Digest::FromHash(HashAlgorithm::kSha256, hasher->Value()).ToString();
}

Result<ResponseHead> ExpectStatus(int status, Result<ResponseHead> answer) {
  if (answer && answer->status != status)
    return Fail(ErrorCode::kUnavailable, fmt::format("status {} instead of {}", answer->status, status));
  return answer;
}

/// The path of a Location, which may be an absolute URL.
std::string PathOf(std::string_view location) {
  if (const auto scheme = location.find("://"); scheme != std::string_view::npos)
    location.remove_prefix(std::min(location.find('/', scheme + 3), location.size()));
  return std::string(location);
}

std::string WithDigest(std::string_view path, std::string_view digest) {
  return fmt::format("{}{}digest={}", path, path.find('?') == std::string_view::npos ? '?' : '&', digest);
}

constexpr std::string_view kOctets = "Content-Type: application/octet-stream\r\n";

/// One connection's pushes.
class Pusher {
 public:
  explicit Pusher(const Options& options) : options_(options), client_(options) {
    if (options.is_push()) blob_.emplace(options.size);
  }

  void Run(Budget& budget) {
    while (!tally_.hopeless() && budget.Take()) {
      if (blob_) blob_->Renew();
      const double begun = Now();
      const Result<ResponseHead> answer = PushOnce();
      if (answer) {
        tally_.Succeed(Now() - begun, blob_ ? blob_->size() : options_.body.size());
      } else {
        tally_.Failed(answer.error().ToString());
      }
    }
  }
  Tally TakeTally() { return std::move(tally_); }

 private:
  Result<ResponseHead> PushOnce() {
    if (options_.mode == Mode::kManifest) return PutManifest();
    if (options_.mode == Mode::kPushSingle) return PushSingle();
    return options_.mode == Mode::kPushChunks ? PushChunks() : PushMonolithic();
  }

  std::string uploads() const { return fmt::format("/v2/{}/blobs/uploads/", options_.repository); }

  Result<std::string> OpenUpload() {
    return PathOf(TRY(ExpectStatus(202, client_.Exchange("POST", uploads()))).location);
  }

  Result<ResponseHead> PushMonolithic() {
    const std::string upload = TRY(OpenUpload());
    return ExpectStatus(
        201, client_.Exchange("PUT", WithDigest(upload, blob_->digest()), kOctets, blob_->Whole()));
  }

  Result<ResponseHead> PushSingle() {
    return ExpectStatus(
        201, client_.Exchange("POST", WithDigest(uploads(), blob_->digest()), kOctets, blob_->Whole()));
  }

  Result<ResponseHead> PushChunks() {
    std::string upload = TRY(OpenUpload());
    for (std::uint64_t offset = 0; offset < blob_->size(); offset += options_.chunk) {
      const std::uint64_t length = std::min(options_.chunk, blob_->size() - offset);
      const std::string headers =
          fmt::format("{}Content-Range: {}-{}\r\n", kOctets, offset, offset + length - 1);
      upload = PathOf(
          TRY(ExpectStatus(202, client_.Exchange("PATCH", upload, headers, blob_->Range(offset, length))))
              .location);
    }
    return ExpectStatus(201, client_.Exchange("PUT", WithDigest(upload, blob_->digest())));
  }

  Result<ResponseHead> PutManifest() {
    const std::string unique = HexEncode(RandomBytes(16));
    std::string manifest = options_.body;
    constexpr std::string_view kPlace = "@unique@";
    if (const auto place = manifest.find(kPlace); place != std::string::npos)
      manifest.replace(place, kPlace.size(), unique);
    return ExpectStatus(
        201, client_.Exchange("PUT", fmt::format("/v2/{}/manifests/t{}", options_.repository, unique),
                              "Content-Type: application/vnd.oci.image.manifest.v1+json\r\n",
                              RequestBody::Memory(manifest)));
  }

  const Options& options_;
  BlockingClient client_;
  std::optional<FreshBlob> blob_;
  Tally tally_;
};

}  // namespace

Result<> RunPushLoad(const Options& options) {
  std::deque<Pusher> pushers;  // their blobs are made before the clock starts
  for (int i = 0; i < options.connections; ++i) pushers.emplace_back(options);
  const Meter meter(options.server_pid);
  Budget budget(options);
  {
    std::vector<std::jthread> threads;
    for (Pusher& pusher : pushers) threads.emplace_back([&] { pusher.Run(budget); });
  }
  Tally total;
  for (Pusher& pusher : pushers) total.Merge(pusher.TakeTally());
  meter.Finish(options, std::move(total));
  return {};
}

}  // namespace entrepot::bench
