#include "blobs/file_id.h"

#include <algorithm>

#include "base/check.h"
#include "base/crypto.h"
#include "base/encoding.h"
#include "blobs/big_endian.h"

namespace entrepot::blobs {
namespace {

constexpr std::size_t kNumberDigits = 8;
constexpr std::uint32_t kInRow = 0;  // no directory has this number

bool IsLowerHex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace

FileId FileId::New(std::uint32_t boot_epoch, std::uint32_t directory) {
  CHECK(directory != kInRow);
  FileId id;
  PutBigEndian(id.bytes_.data(), boot_epoch);
  PutBigEndian(id.bytes_.data() + 4, directory);
  FillRandom(MutableBytes(id.bytes_).subspan(8));
  return id;
}

FileId FileId::InRow(std::uint32_t boot_epoch, std::uint64_t sequence) {
  FileId id;
  PutBigEndian(id.bytes_.data(), boot_epoch);
  PutBigEndian(id.bytes_.data() + 4, kInRow);
  PutBigEndian(id.bytes_.data() + 8, sequence);
  return id;
}

Result<FileId> FileId::FromBytes(Bytes bytes) {
  if (bytes.size() != kLength) return Fail(ErrorCode::kDamaged, "a file id is not 16 bytes long");
  FileId id;
  std::ranges::copy(bytes, id.bytes_.begin());
  return id;
}

std::optional<FileId> FileId::FromName(std::string_view name) {
  if (name.size() != 2 * kLength || !IsLowerHex(name)) return std::nullopt;
  const auto bytes = HexDecode(name);
  return FromBytes(*bytes).value();
}

std::uint32_t FileId::boot_epoch() const { return GetBigEndian<std::uint32_t>(bytes_.data()); }
std::uint32_t FileId::directory_number() const { return GetBigEndian<std::uint32_t>(bytes_.data() + 4); }
bool FileId::in_row() const { return directory_number() == kInRow; }
std::string FileId::name() const { return HexEncode(bytes_); }
std::string FileId::directory() const { return DirectoryName(boot_epoch(), directory_number()); }

std::string DirectoryName(std::uint32_t boot_epoch, std::uint32_t directory) {
  std::array<std::uint8_t, 4> epoch, number;
  PutBigEndian(epoch.data(), boot_epoch);
  PutBigEndian(number.data(), directory);
  return HexEncode(epoch) + '-' + HexEncode(number);
}

std::optional<std::uint32_t> DirectoryEpoch(std::string_view name) {
  if (name.size() != 2 * kNumberDigits + 1 || name[kNumberDigits] != '-') return std::nullopt;
  if (!IsLowerHex(name.substr(0, kNumberDigits)) || !IsLowerHex(name.substr(kNumberDigits + 1)))
    return std::nullopt;
  return GetBigEndian<std::uint32_t>(HexDecode(name.substr(0, kNumberDigits))->data());
}

}  // namespace entrepot::blobs
