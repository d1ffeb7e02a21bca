#include "base/aead.h"

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

#include "base/encoding.h"

namespace entrepot {
namespace {

using Implementation = Aead::Implementation;
constexpr std::size_t kTag = Aead::kTagLength;

ByteVector Hex(std::string_view text) { return *HexDecode(text); }
ByteVector Random(std::mt19937& random, std::size_t size) {
  ByteVector bytes(size);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
  return bytes;
}

class AeadTest : public testing::TestWithParam<Implementation> {
 protected:
  ByteVector Seal(Bytes plain) {
    ByteVector sealed(plain.size() + kTag);
    Aead(key_, GetParam()).Seal(nonce_, associated_, plain, sealed.data(), sealed.data() + plain.size());
    return sealed;
  }
  bool Opens(Bytes sealed) {
    ByteVector plain(sealed.size() - kTag);
    return Aead(key_, GetParam())
        .Open(nonce_, associated_, sealed.first(plain.size()), sealed.last(kTag).data(), plain.data());
  }

  SecretKey key_ = SecretKey::From(Hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"));
  ByteVector nonce_ = Hex("cafebabefacedbaddecaf888");
  ByteVector associated_ = Hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
};
INSTANTIATE_TEST_SUITE_P(Implementations, AeadTest,
                         testing::Values(Implementation::kFastest, Implementation::kOpenssl),
                         [](const auto& which) {
                           return which.param == Implementation::kFastest ? "Fastest" : "Openssl";
                         });

// Test case 16 of McGrew and Viega, The Galois/Counter Mode of Operation, appendix B.
TEST_P(AeadTest, GivesThePublishedBytes) {
  const ByteVector plain =
      Hex("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
          "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39");
  EXPECT_EQ(HexEncode(Seal(plain)),
            "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
            "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
            "76fc6ece0f4e1768cddf8853bb2d551b");
}

TEST_P(AeadTest, ChangedBytesDoNotOpen) {
  std::mt19937 random(1);
  for (const std::size_t size : {0, 1, 16, 100}) {
    const ByteVector sealed = Seal(Random(random, size));
    EXPECT_TRUE(Opens(sealed));
    for (std::size_t at = 0; at < sealed.size(); ++at) {
      ByteVector changed = sealed;
      changed[at] ^= 0x10;
      EXPECT_FALSE(Opens(changed)) << size << " bytes, at " << at;
    }
    associated_.back() ^= 1;
    EXPECT_FALSE(Opens(sealed));
    associated_.back() ^= 1;
    nonce_.back() ^= 1;
    EXPECT_FALSE(Opens(sealed));
    nonce_.back() ^= 1;
  }
}

// Every length up to some blocks, and those of chunks, in place and not; one opens what the other sealed.
TEST(Aead, ImplementationsAgree) {
  std::mt19937 random(2);
  std::vector<std::size_t> sizes;
  for (std::size_t size = 0; size <= 600; ++size) sizes.push_back(size);
  for (const std::size_t size : {4095, 4096, 65'503, 65'504, 65'519, 65'520}) sizes.push_back(size);
  const SecretKey key = SecretKey::Generate();
  Aead fastest(key, Implementation::kFastest), openssl(key, Implementation::kOpenssl);
  for (const std::size_t size : sizes) {
    const ByteVector plain = Random(random, size), nonce = Random(random, Aead::kNonceLength),
                     associated = Random(random, random() % 3 == 0 ? 0 : random() % 80);
    ByteVector one(size + kTag), other = plain;
    other.resize(size + kTag);
    fastest.Seal(nonce, associated, plain, one.data(), one.data() + size);
    openssl.Seal(nonce, associated, Bytes(other).first(size), other.data(), other.data() + size);
    ASSERT_EQ(one, other) << size;
    ASSERT_TRUE(fastest.Open(nonce, associated, Bytes(other).first(size), other.data() + size, other.data()));
    ASSERT_TRUE(openssl.Open(nonce, associated, Bytes(one).first(size), one.data() + size, one.data()));
    ASSERT_TRUE(std::ranges::equal(Bytes(one).first(size), plain)) << size;
    ASSERT_TRUE(std::ranges::equal(Bytes(other).first(size), plain)) << size;
  }
}

}  // namespace
}  // namespace entrepot
