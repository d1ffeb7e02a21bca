#pragma once

// What tests of blobs/ share: a directory that goes at the end, content, identities, and short ways to write
// and read.

#include <cstdlib>
#include <filesystem>
#include <random>

#include <gtest/gtest.h>

#include "blobs/blob_store.h"
#include "blobs/reader.h"
#include "blobs/writer.h"

namespace entrepot::blobs {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "entrepot-blobs-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    path_ = pattern;
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + '/' + name; }

 private:
  std::string path_;
};

inline ByteVector RandomContent(std::size_t size, std::uint64_t seed = 1) {
  std::mt19937_64 random(seed);
  ByteVector content(size);
  for (std::uint8_t& byte : content) byte = static_cast<std::uint8_t>(random());
  return content;
}

inline http::Block BlockOf(Bytes content) {
  std::shared_ptr<std::uint8_t> memory(
      static_cast<std::uint8_t*>(std::aligned_alloc(4096, http::Block::kCapacity)), std::free);
  std::ranges::copy(content, memory.get());
  return {memory, content.size()};
}

inline SecretKey TestKey(std::uint8_t first = 0) {
  ByteVector bytes(SecretKey::kLength);
  for (std::uint8_t& byte : bytes) byte = first++;
  return SecretKey::From(bytes);
}

/// The data key of a suite's files.
inline std::optional<SecretKey> KeyFor(Suite suite) {
  if (suite == Suite::kPlain) return std::nullopt;
  return TestKey();
}

inline constexpr DomainId kTestDomain{7, 9};
inline constexpr const char* kStoreId = "0b7bfa32-52bd-4ad4-9a4d-5d0d3dd54bb1";

inline std::unique_ptr<BlobStore> OpenStore(Files& files, const TemporaryDirectory& directory,
                                            std::uint32_t epoch = 1,
                                            RootPolicy policy = RootPolicy::kMayCreate) {
  auto opened = BlobStore::Open(files, directory / "blobs", kStoreId, epoch, policy);
  if (!opened) throw std::runtime_error(opened.error().ToString());
  return *std::move(opened);
}

/// A finished blob as a row describes it.
inline Result<std::shared_ptr<const BlobReader>> OpenBlob(BlobStore& store, const FinishedBlob& blob,
                                                          std::optional<SecretKey> key) {
  const std::shared_ptr<File> file = TRY(store.Open(blob.file, Access::kRead));
  if (!file) return Fail(ErrorCode::kLayerNotFound);
  return BlobReader::Open(file, {blob.file, kTestDomain, std::move(key)}, blob.layout, blob.size);
}

inline Result<ByteVector> ReadAll(const BlobReader& reader) {
  ByteVector content(reader.size());
  content.resize(TRY(reader.Read(0, content)));
  return content;
}

inline Result<ByteVector> ReadBlob(BlobStore& store, const FinishedBlob& blob, std::optional<SecretKey> key) {
  const auto reader = TRY(OpenBlob(store, blob, std::move(key)));
  return ReadAll(*reader);
}

inline std::string PathOf(const BlobStore& store, const FileId& id) { return store.root() + '/' + id.path(); }

}  // namespace entrepot::blobs
