#include "blobs/row_content.h"

#include <gtest/gtest.h>

#include "base/crypto.h"

namespace entrepot::blobs {
namespace {

BlobIdentity Identity(std::uint64_t sequence = 7) {
  return {FileId::InRow(3, sequence), {1, 2}, SecretKey::Generate()};
}

Digest DigestOf(std::string_view content) { return Digest::Of(HashAlgorithm::kSha256, AsBytes(content)); }

FinishedBlob Seal(const BlobIdentity& identity, std::string_view content) {
  return SealRowContent(identity, AsBytes(content), DigestOf(content));
}

TEST(RowContentTest, ComesBackAsItWentIn) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{1024}, kMaxRowContent}) {
    const BlobIdentity identity = Identity();
    const std::string content(size, 'x');
    const FinishedBlob blob = Seal(identity, content);
    EXPECT_EQ(blob.size, size);
    EXPECT_EQ(blob.digest, DigestOf(content));
    const auto opened = OpenRowContent(identity, blob.layout, *blob.row_content);
    ASSERT_TRUE(opened) << opened.error().ToString();
    EXPECT_EQ(*opened, content);
  }
}

TEST(RowContentTest, IsSealed) {
  const FinishedBlob blob = Seal(Identity(), "a secret that must not show");
  EXPECT_EQ(AsText(*blob.row_content).find("secret"), std::string_view::npos);
}

TEST(RowContentTest, WithoutADataKeyIsPlain) {
  const BlobIdentity identity{FileId::InRow(3, 1), {1, 2}, std::nullopt};
  const FinishedBlob blob = Seal(identity, "plain");
  EXPECT_EQ(AsText(*blob.row_content), "plain");
  EXPECT_EQ(OpenRowContent(identity, blob.layout, *blob.row_content).value(), "plain");
}

TEST(RowContentTest, AChangedByteIsDamage) {
  const BlobIdentity identity = Identity();
  const FinishedBlob blob = Seal(identity, "content");
  for (std::size_t i = 0; i < blob.row_content->size(); ++i) {
    ByteVector changed = *blob.row_content;
    changed[i] ^= 1;
    const auto opened = OpenRowContent(identity, blob.layout, changed);
    ASSERT_FALSE(opened) << "byte " << i;
    EXPECT_EQ(opened.error().code(), ErrorCode::kDamaged);
  }
}

TEST(RowContentTest, ContentOfAnotherRowIsDamage) {
  BlobIdentity identity = Identity(7);
  const FinishedBlob blob = Seal(identity, "content");
  identity.file = FileId::InRow(3, 8);
  EXPECT_EQ(OpenRowContent(identity, blob.layout, *blob.row_content).error().code(), ErrorCode::kDamaged);
}

TEST(RowContentTest, CutShortIsDamage) {
  const BlobIdentity identity = Identity();
  const FinishedBlob blob = Seal(identity, "content");
  const Bytes stored = *blob.row_content;
  for (const std::size_t length : {std::size_t{0}, std::size_t{5}, stored.size() - 1})
    EXPECT_EQ(OpenRowContent(identity, blob.layout, stored.first(length)).error().code(),
              ErrorCode::kDamaged);
}

TEST(RowContentTest, AWrongKeyIsToldFromAMissingOne) {
  const BlobIdentity identity = Identity();
  const FinishedBlob blob = Seal(identity, "content");
  BlobIdentity keyless = identity;
  keyless.data_key.reset();
  EXPECT_EQ(OpenRowContent(keyless, blob.layout, *blob.row_content).error().code(), ErrorCode::kKeyFailure);
}

TEST(FileIdTest, InRowSaysSoAndAscends) {
  const FileId first = FileId::InRow(3, 1), second = FileId::InRow(3, 256);
  EXPECT_TRUE(first.in_row());
  EXPECT_LT(first, second);
  EXPECT_FALSE(FileId::New(3, 1).in_row());
}

}  // namespace
}  // namespace entrepot::blobs
