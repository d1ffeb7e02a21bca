// The least that an upload can cost: a bound for pushes as nginx is one for pulls. It takes what
// load_generator pushes (POST, then PUT of the whole body), does the asked work, compares no digest and keeps
// nothing.
//
//   upload_bound PORT LETTERS DIRECTORY     e.g. upload_bound 5100 swf /tmp

#include "bench/upload_bound.h"

#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <unistd.h>
#include <vector>

#include <fmt/format.h>

namespace entrepot::bench {
namespace {

constexpr std::size_t kSealedChunk = 64 * 1024;
constexpr std::size_t kBlock = 256 * 1024;

std::atomic<std::uint64_t> serial{0};

[[noreturn]] void StopFor(const char* what) {
  std::perror(what);
  std::_Exit(1);
}

void Serve(BoundRequests& requests, const UploadWork& work) {
  while (requests.Next()) {
    if (requests.is_post() && requests.body_left() == 0) {
      requests.Answer(fmt::format(
          "HTTP/1.1 202 Accepted\r\nLocation: /uploads/{}\r\nContent-Length: 0\r\n\r\n", serial++));
      continue;
    }
    if (!(work.direct ? StoreOverlapped(requests, work) : StoreInTurn(requests, work))) return;
    requests.Answer("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
  }
}

}  // namespace

std::optional<UploadWork> UploadWork::Parse(std::string_view letters, std::string directory) {
  UploadWork work{.directory = std::move(directory)};
  for (const char letter : letters) {
    switch (letter) {
      case 's':
        work.hash = true;
        break;
      case 'w':
        work.write = true;
        break;
      case 'f':
        work.sync = true;
        break;
      case 'e':
        work.seal = true;
        break;
      case 'd':
        work.direct = work.write = true;
        break;
      default:
        return std::nullopt;
    }
  }
  return work;
}

void ChunkSealer::Seal(Bytes plain, std::uint8_t* out) {
  while (!plain.empty()) {
    const Bytes chunk = plain.first(std::min(plain.size(), kSealedChunk));
    std::uint8_t nonce[Aead::kNonceLength] = {}, tag[Aead::kTagLength];
    std::memcpy(nonce, &next_chunk_, sizeof next_chunk_);
    ++next_chunk_;
    aead_.Seal(nonce, {}, chunk, out, tag);
    plain = plain.subspan(chunk.size());
    out += chunk.size();
  }
}

UploadFile::UploadFile(const UploadWork& work, int extra_flags) : work_(work) {
  if (!work_.write) return;
  path_ = fmt::format("{}/upload-{}", work.directory, serial++);
  file_ = UniqueFd(open(path_.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC | extra_flags, 0600));
  if (!file_.valid()) StopFor(path_.c_str());
}

UploadFile::~UploadFile() {
  if (file_.valid()) unlink(path_.c_str());
}

void UploadFile::Write(Bytes bytes, std::uint64_t offset) {
  while (file_.valid() && !bytes.empty()) {
    const ssize_t count = pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count <= 0) StopFor("pwrite");
    bytes = bytes.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
}

void UploadFile::Finish(std::uint64_t length) {
  if (!file_.valid()) return;
  if (work_.direct && ftruncate(file_.get(), static_cast<off_t>(length)) != 0) StopFor("ftruncate");
  if (work_.sync && fdatasync(file_.get()) != 0) StopFor("fdatasync");
}

bool StoreInTurn(BoundRequests& requests, const UploadWork& work) {
  thread_local ByteVector block(kBlock);
  UploadFile file(work, 0);
  Hasher hasher(HashAlgorithm::kSha256);
  ChunkSealer sealer;
  std::uint64_t offset = 0;
  while (requests.body_left() > 0) {
    const std::size_t count = requests.Read(block);
    if (count == 0) return false;
    const Bytes bytes = Bytes(block).first(count);
    if (work.hash) hasher.Update(bytes);
    if (work.seal) sealer.Seal(bytes, block.data());
    file.Write(bytes, offset);
    offset += count;
  }
  if (work.hash) hasher.Value();
  file.Finish(offset);
  return true;
}

}  // namespace entrepot::bench

int main(int argc, char** argv) {
  using namespace entrepot::bench;
  const auto work = argc == 4 ? UploadWork::Parse(argv[2], argv[3]) : std::nullopt;
  if (!work) {
    std::fprintf(stderr,
                 "usage: upload_bound PORT LETTERS DIRECTORY   (letters: s w f e d; see upload_bound.h)\n");
    return 2;
  }
  return ServeBound(static_cast<std::uint16_t>(std::atoi(argv[1])),
                    [&](BoundRequests& requests) { Serve(requests, *work); });
}
