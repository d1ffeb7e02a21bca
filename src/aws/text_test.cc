#include "aws/text.h"

#include <gtest/gtest.h>

namespace entrepot::aws {
namespace {

TEST(Text, CodePointsAreCounted) {
  EXPECT_EQ(CountCodePoints(""), 0);
  EXPECT_EQ(CountCodePoints("a\u00e9\u20ac\U0001F600"), 4);
}

TEST(Text, XmlTextIsUtf8WithoutControlCharacters) {
  for (const std::string_view good :
       {"", "a\t\r\n", "\u00e9\u20ac\U0001F600\U0010FFFF", "\uD7FF\uE000\uFFFD"})
    EXPECT_TRUE(IsXmlText(good)) << good;
  for (const std::string_view bad :
       {std::string_view("\0", 1), std::string_view("\x01"), std::string_view("\x80"),
        std::string_view("\xc0\x80"), std::string_view("\xc3"), std::string_view("\xe0\x80\x80"),
        std::string_view("\xed\xa0\x80"), std::string_view("\xf4\x90\x80\x80"), std::string_view("\xff"),
        std::string_view("\xef\xbf\xbf")})
    EXPECT_FALSE(IsXmlText(bad));
}

TEST(Text, AbridgingKeepsWholeCharacters) {
  EXPECT_EQ(Abridged("abc", 3), "abc");
  EXPECT_EQ(Abridged("abcd", 3), "abc…");
  EXPECT_EQ(Abridged("ab\u20ac", 4), "ab…");
  EXPECT_EQ(Abridged("\u20ac\u20ac", 2), "…");
}

TEST(Text, Base64LengthsAreThoseOfTheBytes) {
  EXPECT_EQ(Base64DecodedLength(""), 0);
  EXPECT_EQ(Base64DecodedLength("AA=="), 1);
  EXPECT_EQ(Base64DecodedLength("AAA="), 2);
  EXPECT_EQ(Base64DecodedLength("AAAA"), 3);
  EXPECT_EQ(Base64DecodedLength("=="), 0);
}

}  // namespace
}  // namespace entrepot::aws
