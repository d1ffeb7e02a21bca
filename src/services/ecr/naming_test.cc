#include "services/ecr/naming.h"

#include <gtest/gtest.h>

namespace entrepot::ecr {
namespace {

TEST(ReadDigest, TakesWhatTheRegistryCanCompute) {
  const std::string text = Digest::Of(HashAlgorithm::kSha256, AsBytes("layer")).ToString();
  const auto digest = ReadDigest("imageDigest", text);
  ASSERT_TRUE(digest && *digest);
  EXPECT_EQ((*digest)->ToString(), text);
}

TEST(ReadDigest, KnowsDigestsThatNothingHas) {
  for (const std::string_view text : {"sha256:0123", "md5:00", "sha256:ABCDEF", "a.b-c_d+E9:f"}) {
    const auto digest = ReadDigest("imageDigest", text);
    ASSERT_TRUE(digest) << text;
    EXPECT_FALSE(*digest) << text;
  }
}

TEST(ReadDigest, NamesTheParameterThatIsNone) {
  for (const std::string_view text :
       {"", ":", "latest", "sha256:", ":00", "sha256:xyz", "a:0:0", "a b:00", "sha256:00\n"}) {
    const auto digest = ReadDigest("imageDigest", text);
    ASSERT_FALSE(digest) << text;
    EXPECT_EQ(digest.error().code(), ErrorCode::kInvalidParameter);
    EXPECT_EQ(digest.error().fact("parameter"), "imageDigest");
    EXPECT_EQ(digest.error().fact("constraint"),
              "must satisfy regular expression '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'");
  }
}

}  // namespace
}  // namespace entrepot::ecr
