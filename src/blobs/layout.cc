#include "blobs/layout.h"

#include <algorithm>

#include "base/check.h"
#include "blobs/big_endian.h"

namespace entrepot::blobs {
namespace {

constexpr std::uint8_t kVersion = 1;

bool IsSuite(std::uint8_t value) {
  return value == static_cast<std::uint8_t>(Suite::kPlain) ||
         value == static_cast<std::uint8_t>(Suite::kAes256Gcm);
}

bool AreInOrder(const std::vector<Segment>& segments) {
  return !segments.empty() && segments.front().first_chunk == 0 &&
         std::ranges::adjacent_find(segments, std::ranges::greater_equal{}, &Segment::first_chunk) ==
             segments.end();
}

}  // namespace

ByteVector Layout::Encode() const {
  ByteVector bytes{kVersion, static_cast<std::uint8_t>(suite)};
  AppendBigEndian(bytes, static_cast<std::uint32_t>(segments.size()));
  for (const Segment& segment : segments) {
    AppendBigEndian(bytes, segment.first_chunk);
    AppendBytes(bytes, segment.salt);
  }
  return bytes;
}

Result<Layout> Layout::Decode(Bytes bytes) {
  constexpr std::size_t kSegmentLength = sizeof(std::uint64_t) + sizeof(Salt);
  ByteReader reader(bytes);
  const auto version = reader.Number<std::uint8_t>(), suite = reader.Number<std::uint8_t>();
  const auto count = reader.Number<std::uint32_t>();
  if (version != kVersion || !IsSuite(suite) || reader.left() != count * kSegmentLength)
    return Fail(ErrorCode::kDamaged, "a blob's layout cannot be read");

  Layout layout{static_cast<Suite>(suite), std::vector<Segment>(count)};
  for (Segment& segment : layout.segments) {
    segment.first_chunk = reader.Number<std::uint64_t>();
    std::ranges::copy(reader.Take(sizeof(Salt)), segment.salt.begin());
  }
  if (!reader.complete() || !AreInOrder(layout.segments))
    return Fail(ErrorCode::kDamaged, "a blob's layout is out of order");
  return layout;
}

Result<> Layout::CheckKey(const BlobIdentity& identity) const {
  if (identity.suite() == suite) return {};
  return Fail(ErrorCode::kKeyFailure, "blob file " + identity.file.name() +
                                          (identity.data_key ? " wants no data key" : " wants a data key"));
}

std::uint32_t Layout::SegmentOf(std::uint64_t chunk) const {
  const auto after = std::ranges::upper_bound(segments, chunk, {}, &Segment::first_chunk);
  CHECK(after != segments.begin());
  return static_cast<std::uint32_t>(after - segments.begin() - 1);
}

}  // namespace entrepot::blobs
