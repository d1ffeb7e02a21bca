#include "http/range.h"

#include <gtest/gtest.h>

namespace entrepot::http {
namespace {

void ExpectPart(std::string_view field, std::uint64_t size, std::uint64_t first, std::uint64_t last) {
  const SelectedRange selected = SelectRange(field, size);
  EXPECT_EQ(selected.kind, RangeKind::kPart) << field;
  EXPECT_EQ(selected.range, (ByteRange{first, last})) << field;
}

TEST(SelectRange, SelectsOneRangeWithinTheSize) {
  ExpectPart("bytes=2-5", 10, 2, 5);
  ExpectPart("bytes=2-", 10, 2, 9);
  ExpectPart("bytes=-3", 10, 7, 9);
  ExpectPart("bytes=-30", 10, 0, 9);
  ExpectPart("bytes=9-9", 10, 9, 9);
  ExpectPart("bytes=2-99999999999999999999999", 10, 2, 9);
  ExpectPart("BYTES= 0-0 ", 1, 0, 0);
}

TEST(SelectRange, RefusesWhatLiesBehindTheEnd) {
  for (const std::string_view field :
       {"bytes=10-", "bytes=10-12", "bytes=-0", "bytes=99999999999999999999-", "bytes=5-2"})
    EXPECT_EQ(SelectRange(field, 10).kind, RangeKind::kNotSatisfiable) << field;
  EXPECT_EQ(SelectRange("bytes=0-", 0).kind, RangeKind::kNotSatisfiable);
  EXPECT_EQ(SelectRange("bytes=-1", 0).kind, RangeKind::kNotSatisfiable);
}

TEST(SelectRange, IgnoresWhatItDoesNotKnow) {
  for (const std::string_view field : {"", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=1-2,4-5",
                                       "lines=1-2", "bytes=+1-2", "bytes=1--2"})
    EXPECT_EQ(SelectRange(field, 10).kind, RangeKind::kWhole) << field;
}

TEST(ParseContentRange, ReadsBothForms) {
  EXPECT_EQ(ParseContentRange("2-5"), (ByteRange{2, 5}));
  EXPECT_EQ(ParseContentRange("bytes 2-5/*"), (ByteRange{2, 5}));
  EXPECT_EQ(ParseContentRange("bytes 2-5/6"), (ByteRange{2, 5}));
  for (const std::string_view field :
       {"", "5-2", "2-", "-5", "2-5/6", "bytes 2-5", "bytes 2-5/5", "bytes 2-5/x", "bytes=2-5",
        "2-18446744073709551615", "2-99999999999999999999", " 2-5"})
    EXPECT_FALSE(ParseContentRange(field)) << field;
}

}  // namespace
}  // namespace entrepot::http
