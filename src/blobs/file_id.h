#pragma once

// The name of a blob file: boot epoch (32 bits) and 96 random bits, never a digest, never used again
// (design-storage 1.1). The first 32 of the random bits are drawn once for a directory, the rest once for a
// file, so that the id alone says where the file lies:
//
//   <root>/root-id                                    the store's UUID (1.11)
//   <root>/0000002a-9f3c01d7/                         boot epoch, the directory's random bits
//   <root>/0000002a-9f3c01d7/0000002a9f3c01d7….       32 hex digits: a file id
//
// Every boot opens directories of its own, so none is looked for at the start; a directory takes 4096 files.
//
// Directory 0 is none: such an id is of content that lies in its row (blobs/row_content.h), numbered in the
// order of its boot, so that rows made together lie together.

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace entrepot::blobs {

class FileId {
 public:
  static constexpr std::size_t kLength = 16;

  /// A new id in the directory `directory` of this boot.
  static FileId New(std::uint32_t boot_epoch, std::uint32_t directory);
  /// The id of content that lies in its row, the `sequence`th of this boot.
  static FileId InRow(std::uint32_t boot_epoch, std::uint64_t sequence);
  /// From a row; kDamaged when it is not 16 bytes long.
  static Result<FileId> FromBytes(Bytes bytes);
  /// From a file's name; nothing when it is not one.
  static std::optional<FileId> FromName(std::string_view name);

  Bytes bytes() const { return bytes_; }
  std::uint32_t boot_epoch() const;
  /// Whether there is no file: the row has the content.
  bool in_row() const;
  std::string name() const;
  /// The directory's name, and the file's path under the root.
  std::string directory() const;
  std::string path() const { return directory() + '/' + name(); }

  friend bool operator==(const FileId&, const FileId&) = default;
  friend auto operator<=>(const FileId&, const FileId&) = default;

 private:
  FileId() = default;
  std::uint32_t directory_number() const;
  std::array<std::uint8_t, kLength> bytes_{};
};

std::string DirectoryName(std::uint32_t boot_epoch, std::uint32_t directory);
/// The boot epoch in a directory's name; nothing when it is not one.
std::optional<std::uint32_t> DirectoryEpoch(std::string_view name);

}  // namespace entrepot::blobs

template <>
struct std::hash<entrepot::blobs::FileId> {
  std::size_t operator()(const entrepot::blobs::FileId& id) const noexcept {
    return std::hash<std::string_view>{}(entrepot::AsText(id.bytes()));
  }
};
