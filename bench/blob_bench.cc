// What blobs/ costs beside the bare work: each round runs, one after another on the same disk, the overlapped
// direct write with SHA-256 that upload_bound.cc calls dsf (without its network), our writer in both suites,
// and reading back.
//
//   blob_bench [--mib 512] [--rounds 5] [--directory .]
//
// Prints every round in MB/s, then ratios of medians. Nothing is asserted.

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <fcntl.h>
#include <filesystem>
#include <map>
#include <semaphore>
#include <thread>
#include <unistd.h>

#include <fmt/format.h>

#include "base/check.h"
#include "base/hasher.h"
#include "blobs/blob_store.h"
#include "blobs/reader.h"
#include "blobs/writer.h"

namespace entrepot::blobs {
namespace {

constexpr std::size_t kBlock = http::Block::kCapacity;
constexpr int kInFlight = 4;

double Seconds(clockid_t clock) {
  timespec now;
  ::clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) / 1e9;
}

std::shared_ptr<std::uint8_t> AlignedBlock() {
  std::shared_ptr<std::uint8_t> memory(static_cast<std::uint8_t*>(std::aligned_alloc(4096, kBlock)),
                                       std::free);
  FillRandom({memory.get(), kBlock});
  return memory;
}

/// Hash and direct write in two threads, nothing else: the bound.
void WriteBare(const std::string& path, std::size_t blocks, const std::shared_ptr<std::uint8_t>& memory) {
  const UniqueFd file(::open(path.c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_DIRECT, 0600));
  CHECK(file.valid());
  std::thread hash([&] {
    Hasher hasher(HashAlgorithm::kSha256);
    for (std::size_t i = 0; i < blocks; ++i) hasher.Update({memory.get(), kBlock});
    (void)hasher.Value();
  });
  for (std::size_t i = 0; i < blocks; ++i)
    CHECK(::pwrite(file.get(), memory.get(), kBlock, static_cast<off_t>(i * kBlock)) == ssize_t{kBlock});
  hash.join();
  CHECK(::fdatasync(file.get()) == 0);
}

/// A stream's owner with a few blocks in flight, as a connection has.
FinishedBlob WriteBlocks(BlobStore& store, ThreadPool& pool, const std::optional<SecretKey>& key,
                         std::size_t blocks, const std::shared_ptr<std::uint8_t>& memory) {
  WriterOptions options;
  options.pool = &pool;
  std::counting_semaphore<kInFlight> free(kInFlight);
  const auto writer = BlobWriter::Begin(store, {1, 1}, key, options).value();
  for (std::size_t i = 0; i < blocks; ++i) {
    free.acquire();
    const std::shared_ptr<std::uint8_t> lent(memory.get(),
                                             [&free, memory](std::uint8_t*) { free.release(); });
    writer->Append(http::Block(lent, kBlock));
  }
  for (int i = 0; i < kInFlight; ++i) free.acquire();
  return writer->Finish().value();
}

void ReadStream(BlobStore& store, const FinishedBlob& blob, const std::optional<SecretKey>& key) {
  const auto reader = BlobReader::Open(store.Open(blob.file, Access::kRead).value(), {blob.file, {1, 1}, key},
                                       blob.layout, blob.size)
                          .value();
  const auto source = reader->Stream(0, blob.size);
  ByteVector out(kBlock);
  while (source->Read(out).value() > 0) {
  }
}

class Table {
 public:
  template <class Work>
  void Measure(const std::string& name, double bytes, Work work) {
    const double wall = Seconds(CLOCK_MONOTONIC), cpu = Seconds(CLOCK_PROCESS_CPUTIME_ID);
    work();
    const double took = Seconds(CLOCK_MONOTONIC) - wall, used = Seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    rates_[name].push_back(bytes / took / 1e6);
    fmt::print("  {:<28} {:8.0f} MB/s  {:5.2f} CPU-s/GiB\n", name, bytes / took / 1e6,
               used * (1u << 30) / bytes);
  }
  double Median(const std::string& name) {
    std::vector<double> rates = rates_[name];
    std::ranges::sort(rates);
    return rates[rates.size() / 2];
  }
  void Ratio(const std::string& goal, const std::string& measured, const std::string& bound) {
    fmt::print("{:<44} {:.2f}\n", goal, Median(measured) / Median(bound));
  }

 private:
  std::map<std::string, std::vector<double>> rates_;
};

void Run(std::size_t mebibytes, int rounds, const std::string& directory) {
  PosixFiles files;
  ThreadPool pool("lanes", 2, 1000);
  const auto store =
      BlobStore::Open(files, directory + "/blobs", "blob_bench", 1, RootPolicy::kMayCreate).value();
  const std::shared_ptr<std::uint8_t> memory = AlignedBlock();
  const std::optional<SecretKey> none, key = SecretKey::Generate();
  const double bytes = static_cast<double>(mebibytes << 20);
  Table table;
  for (int round = 1; round <= rounds; ++round) {
    fmt::print("round {}\n", round);
    table.Measure("bare write (dsf)", bytes, [&] { WriteBare(directory + "/bare", mebibytes, memory); });
    std::optional<FinishedBlob> plain, sealed;
    table.Measure("write plain", bytes, [&] { plain = WriteBlocks(*store, pool, none, mebibytes, memory); });
    table.Measure("write aes", bytes, [&] { sealed = WriteBlocks(*store, pool, key, mebibytes, memory); });
    table.Measure("first read plain (cold)", bytes, [&] { ReadStream(*store, *plain, none); });
    table.Measure("first read aes (cold)", bytes, [&] { ReadStream(*store, *sealed, key); });
    table.Measure("read plain", bytes, [&] { ReadStream(*store, *plain, none); });
    table.Measure("read aes", bytes, [&] { ReadStream(*store, *sealed, key); });
    constexpr int kSmall = 200;
    const ByteVector small = RandomBytes(1024);
    std::vector<FileId> written;
    table.Measure("1 KiB blobs, in KB/s", kSmall * 1024.0 * 1000, [&] {
      for (int i = 0; i < kSmall; ++i) written.push_back(WriteBlob(*store, {1, 1}, key, small)->file);
    });
    for (const FileId& id : {plain->file, sealed->file}) CHECK(store->Remove(id).has_value());
    for (const FileId& id : written) CHECK(store->Remove(id).has_value());
  }
  table.Ratio("write plain / bare (goal 0.9, U2)", "write plain", "bare write (dsf)");
  table.Ratio("write aes / write plain (goal 0.8, K1)", "write aes", "write plain");
  table.Ratio("read aes / read plain", "read aes", "read plain");
}

}  // namespace
}  // namespace entrepot::blobs

int main(int count, char** arguments) {
  std::size_t mebibytes = 512;
  int rounds = 5;
  std::string directory = ".";
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string_view name = arguments[i];
    if (name == "--mib") mebibytes = std::strtoul(arguments[i + 1], nullptr, 10);
    if (name == "--rounds") rounds = std::atoi(arguments[i + 1]);
    if (name == "--directory") directory = arguments[i + 1];
  }
  std::string own = directory + "/blob_bench-XXXXXX";
  CHECK(::mkdtemp(own.data()) != nullptr);
  entrepot::blobs::Run(mebibytes, rounds, own);
  std::filesystem::remove_all(own);
}
