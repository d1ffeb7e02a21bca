#include "blobs/packing.h"

#include <gtest/gtest.h>

#include "base/crypto.h"

namespace entrepot::blobs {
namespace {

ByteVector Pack(Bytes content, std::size_t step = 100'000) {
  ByteVector packed;
  Packer packer([&](Bytes bytes) -> Result<> {
    packed.insert(packed.end(), bytes.begin(), bytes.end());
    return {};
  });
  for (; !content.empty(); content = content.subspan(std::min(step, content.size())))
    EXPECT_TRUE(packer.Append(content.first(std::min(step, content.size()))));
  EXPECT_TRUE(packer.Finish());
  return packed;
}

Result<ByteVector> Unpack(Bytes packed, std::size_t step) {
  ByteVector content;
  Unpacker unpacker([&](Bytes bytes) -> Result<> {
    content.insert(content.end(), bytes.begin(), bytes.end());
    return {};
  });
  for (; !packed.empty(); packed = packed.subspan(std::min(step, packed.size())))
    TRY(unpacker.Append(packed.first(std::min(step, packed.size()))));
  TRY(unpacker.Finish());
  return content;
}

TEST(Packing, ComesBackWhateverItIsAndHoweverItIsCut) {
  for (const std::size_t size : {0u, 1u, 5'000u, (1u << 20) - 1, 1u << 20, (1u << 20) + 1, 3'333'333u}) {
    const ByteVector random = RandomBytes(size), plain(size, 'p');
    for (const ByteVector& content : {random, plain})
      for (const std::size_t step : {std::size_t{999}, std::size_t{1} << 20, std::size_t{5'000'000}}) {
        const Result<ByteVector> back = Unpack(Pack(content, step), step);
        ASSERT_TRUE(back);
        EXPECT_TRUE(*back == content) << size << " " << step;
      }
  }
}

TEST(Packing, IsSmallerWhereThatIsPossibleAndHardlyLargerElsewhere) {
  EXPECT_LT(Pack(ByteVector(5'000'000, 'p')).size(), 5'000u);
  EXPECT_EQ(Pack(RandomBytes(3u << 20)).size(), (3u << 20) + 3 * 4);
  ByteVector mixed(1 << 20, 'p');
  const ByteVector random = RandomBytes(1 << 20);
  mixed.insert(mixed.end(), random.begin(), random.end());
  EXPECT_LT(Pack(mixed).size(), (1u << 20) + 1'000);
}

TEST(Packing, WhatIsCutOrChangedIsDamaged) {
  const ByteVector packed = Pack(ByteVector(2'000'000, 'p'));
  // A cut between two blocks shows in the blob's length and digest, not here.
  for (const std::size_t length : {std::size_t{1}, std::size_t{4}, packed.size() - 1}) {
    const auto cut = Unpack(Bytes(packed).first(length), 1000);
    ASSERT_FALSE(cut) << length;
    EXPECT_EQ(cut.error().code(), ErrorCode::kDamaged);
  }
  ByteVector changed = packed;
  changed[0] = 0x7f;  // a length that no block has
  EXPECT_FALSE(Unpack(changed, 1000));
  changed = packed;
  changed[4] ^= 0xff;  // no frame of zstd's
  EXPECT_FALSE(Unpack(changed, 1000));
}

TEST(Packing, ASinksErrorEndsTheWork) {
  Packer packer([](Bytes) -> Result<> { return Fail(ErrorCode::kStorageFull, "full"); });
  const auto outcome = packer.Append(ByteVector(3u << 20, 'p'));
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code(), ErrorCode::kStorageFull);
}

}  // namespace
}  // namespace entrepot::blobs
