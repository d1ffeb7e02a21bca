// The least that a pull can cost, plain and encrypted: one blob, made at the start, sent for every request.
//
//   pull_bound PORT WAY SIZE DIRECTORY
//     file     sendfile of the plain file            memory    sendfile of a memfd
//     sealed   read 1 MiB, open its 64 KiB AES-256-GCM chunks, send, in one thread
//     overlap  the same, reading and opening in a second thread

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <semaphore>
#include <string>
#include <sys/mman.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include <fmt/format.h>

#include "base/aead.h"
#include "base/check.h"
#include "bench/bound_server.h"
#include "bench/http_client.h"

namespace entrepot::bench {
namespace {

// As stored blobs are: a chunk is 64 KiB on disk with its tag (design-storage 2.3).
constexpr std::size_t kChunk = 64 * 1024, kPlain = kChunk - Aead::kTagLength, kChunksARead = 16;
constexpr std::size_t kWrite = 1 << 20;

std::array<std::uint8_t, Aead::kNonceLength> NonceOf(std::uint64_t chunk) {
  std::array<std::uint8_t, Aead::kNonceLength> nonce{};
  std::memcpy(nonce.data(), &chunk, sizeof chunk);
  return nonce;
}

/// The blob in the form that its way of sending needs; its file has no name any more.
class Blob {
 public:
  Blob(std::string_view way, std::uint64_t size, const std::string& directory)
      : size_(size), sealed_(way == "sealed" || way == "overlap"), key_(SecretKey::Generate()) {
    if (way == "memory") {
      file_ = UniqueFd(memfd_create("blob", MFD_CLOEXEC));
    } else {
      file_ = UniqueFd(open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    }
    CHECK(file_.valid());
    Fill();
  }

  int file() const { return file_.get(); }
  std::uint64_t size() const { return size_; }
  const SecretKey& key() const { return key_; }

 private:
  void Fill() {
    Aead aead(key_, Aead::Implementation::kFastest);
    const ByteVector plain(kPlain, 'x');
    ByteVector run;  // of whole chunks: the size of a write decides how the page cache lays the file out
    for (std::uint64_t offset = 0, index = 0; offset < size_; offset += kPlain, ++index) {
      const Bytes chunk = Bytes(plain).first(std::min<std::uint64_t>(kPlain, size_ - offset));
      run.insert(run.end(), chunk.begin(), chunk.end());
      if (sealed_) SealLast(aead, index, chunk.size(), run);
      if (run.size() >= kWrite) Append(run, kWrite);
    }
    Append(run, run.size());
  }

  /// Encrypts the last `length` bytes of `run` where they are, and adds their tag.
  static void SealLast(Aead& aead, std::uint64_t index, std::size_t length, ByteVector& run) {
    const std::size_t begin = run.size() - length;
    run.resize(run.size() + Aead::kTagLength);
    const auto chunk = MutableBytes(run).subspan(begin, length);
    aead.Seal(NonceOf(index), {}, chunk, chunk.data(), chunk.data() + length);
  }

  /// Moves the first `length` bytes of `run` to the end of the file.
  void Append(ByteVector& run, std::size_t length) {
    CHECK(write(file_.get(), run.data(), length) == static_cast<ssize_t>(length));
    run.erase(run.begin(), run.begin() + static_cast<std::ptrdiff_t>(length));
  }

  const std::uint64_t size_;
  const bool sealed_;
  const SecretKey key_;
  UniqueFd file_;
};

/// Reads a sealed blob from its start, a run of chunks at a time.
class SealedReader {
 public:
  explicit SealedReader(const Blob& blob)
      : blob_(blob),
        aead_(blob.key(), Aead::Implementation::kFastest),
        left_(blob.size()),
        stored_(kChunk * kChunksARead) {}

  /// Opens the next run into `plain`; empty at the end.
  Bytes Next(ByteVector& plain) {
    plain.resize(kPlain * kChunksARead);
    if (left_ == 0) return {};
    const ssize_t count =
        pread(blob_.file(), stored_.data(), stored_.size(), static_cast<off_t>(chunk_ * kChunk));
    CHECK(count > 0);
    std::size_t opened = 0;
    for (Bytes stored = Bytes(stored_).first(static_cast<std::size_t>(count)); !stored.empty(); ++chunk_) {
      const Bytes chunk = stored.first(std::min(stored.size(), kChunk));
      const std::size_t length = chunk.size() - Aead::kTagLength;
      CHECK(
          aead_.Open(NonceOf(chunk_), {}, chunk.first(length), chunk.data() + length, plain.data() + opened));
      opened += length;
      stored = stored.subspan(chunk.size());
    }
    left_ -= opened;
    return Bytes(plain).first(opened);
  }

 private:
  const Blob& blob_;
  Aead aead_;
  std::uint64_t left_, chunk_ = 0;
  ByteVector stored_;
};

bool SendInTurn(int socket, const Blob& blob) {
  SealedReader reader(blob);
  ByteVector plain;
  for (Bytes run = reader.Next(plain); !run.empty(); run = reader.Next(plain))
    if (!SendAll(socket, AsText(run))) return false;
  return true;
}

bool SendOverlapped(int socket, const Blob& blob) {
  struct Half {
    ByteVector plain;
    Bytes run;
    std::binary_semaphore filled{0}, sent{1};
  };
  std::array<Half, 2> halves;
  std::jthread opener([&] {
    SealedReader reader(blob);
    for (std::size_t i = 0;; i ^= 1) {
      Half& half = halves[i];
      half.sent.acquire();
      half.run = reader.Next(half.plain);
      const bool last = half.run.empty();
      half.filled.release();
      if (last) return;
    }
  });
  bool connected = true;
  for (std::size_t i = 0;; i ^= 1) {
    Half& half = halves[i];
    half.filled.acquire();
    if (half.run.empty()) return connected;
    connected = connected && SendAll(socket, AsText(half.run));
    half.sent.release();
  }
}

/// While corked a socket sends full segments only, as nginx's tcp_nopush has it.
void Cork(int socket, bool corked) {
  const int value = corked ? 1 : 0;
  setsockopt(socket, IPPROTO_TCP, TCP_CORK, &value, sizeof value);
}

void Serve(BoundRequests& requests, std::string_view way, const Blob& blob) {
  const std::string head = fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", blob.size());
  const int socket = requests.socket();
  while (requests.Next()) {
    Cork(socket, true);
    if (!requests.Answer(head)) return;
    const bool sent = way == "sealed"    ? SendInTurn(socket, blob)
                      : way == "overlap" ? SendOverlapped(socket, blob)
                                         : SendFileRange(socket, blob.file(), 0, blob.size());
    if (!sent) return;
    Cork(socket, false);
  }
}

bool IsWay(std::string_view way) {
  return way == "file" || way == "memory" || way == "sealed" || way == "overlap";
}

}  // namespace
}  // namespace entrepot::bench

int main(int argc, char** argv) {
  using namespace entrepot::bench;
  if (argc != 5 || !IsWay(argv[2])) {
    std::fprintf(stderr, "usage: pull_bound PORT file|memory|sealed|overlap SIZE DIRECTORY\n");
    return 2;
  }
  const std::string way = argv[2];
  const Blob blob(way, std::strtoull(argv[3], nullptr, 10), argv[4]);
  return ServeBound(static_cast<std::uint16_t>(std::atoi(argv[1])),
                    [&](BoundRequests& requests) { Serve(requests, way, blob); });
}
