#include "aws/query_codec.h"

#include <gtest/gtest.h>

#include "aws/decode.h"
#include "aws/sample_model.h"

namespace entrepot::aws {
namespace {

using sample::PutThingRequest;

Result<PutThingRequest> Read(std::string_view encoded) {
  Form form;
  TRY(ReadForm(encoded, form));
  const Document document = TRY(ReadParameters(sample::kPutThing, form));
  PutThingRequest request;
  TRY(Decode(sample::kPutThing, document.root(), &request));
  return request;
}

std::string FaultOf(std::string_view encoded) {
  const Result<PutThingRequest> request = Read(encoded);
  if (request) return "";
  EXPECT_EQ(request.error().code(), ErrorCode::kMalformedRequest);
  return std::string(request.error().fact("detail"));
}

TEST(QueryCodec, EveryKindIsRead) {
  const Result<PutThingRequest> request = Read(
      "Action=PutThing&ThingName=ab&Colour=GREEN&Count=3&Size=-1&Score=0.5&Force=true&At=2015-08-30T12%3A36%"
      "3A00.250Z"
      "&Blob=AAEC&Parts.member.1.Name=one&Parts.member.2.Name=two&Parts.member.2.Note=a+b%2Bc&Words.member.1="
      "x"
      "&Labels.entry.1.key=aa&Labels.entry.1.value=1&Labels.entry.2.key=bb&Labels.entry.2.value=2&Ignored=1");
  ASSERT_TRUE(request) << request.error().ToString();
  EXPECT_EQ(request->thing_name, "ab");
  EXPECT_EQ(request->colour, sample::Colour::kGreen);
  EXPECT_EQ(request->count, 3);
  EXPECT_EQ(request->size, -1);
  EXPECT_EQ(request->score, 0.5);
  EXPECT_EQ(request->force, true);
  EXPECT_EQ(request->at, Timestamp{1'440'938'160'000'000});
  EXPECT_EQ(request->blob, (ByteVector{0, 1, 2}));
  ASSERT_EQ(request->parts->size(), 2u);
  EXPECT_EQ(request->parts->at(1).note, "a b+c");
  EXPECT_EQ(request->words, std::vector<std::string>{"x"});
  EXPECT_EQ(request->labels, (std::map<std::string, std::string>{{"aa", "1"}, {"bb", "2"}}));
}

TEST(QueryCodec, ListsReachAsFarAsTheyGoOnWithoutAGap) {
  EXPECT_EQ(Read("Words.member.1=a&Words.member.3=c")->words, std::vector<std::string>{"a"});
  EXPECT_EQ(Read("Words=")->words, std::vector<std::string>());
  EXPECT_FALSE(Read("")->words);
  std::string eleven;
  for (int i = 1; i <= 11; ++i) eleven += "&Words.member." + std::to_string(i) + "=" + std::to_string(i);
  EXPECT_EQ(Read(eleven)->words->back(), "11");
}

TEST(QueryCodec, BadValuesAreRefused) {
  EXPECT_EQ(FaultOf("Count=x"), "The value of 'Count' cannot be converted to Integer");
  EXPECT_EQ(FaultOf("Count="), "The value of 'Count' cannot be converted to Integer");
  EXPECT_EQ(FaultOf("Force=1"), "The value of 'Force' cannot be converted to Boolean");
  EXPECT_EQ(FaultOf("At=yesterday"), "The value of 'At' cannot be converted to Timestamp");
  EXPECT_EQ(FaultOf("Score=0.5x"), "The value of 'Score' cannot be converted to Double");
  EXPECT_EQ(FaultOf("Score=nan"), "The value of 'Score' cannot be converted to Double");
  for (const std::string_view text : {"a=%zz", "a=%ff", "a=%00", "a=%c0%80", "%ed%a0%80=1", "a=%01"})
    EXPECT_EQ(FaultOf(text), "The parameters are not well encoded") << text;
}

TEST(QueryCodec, AnAnswerIsXmlRoundItsResult) {
  const PutThingRequest thing{.thing_name = "a<b&c",
                              .colour = sample::Colour::kRed,
                              .force = false,
                              .at = Timestamp{1'440'938'160'000'000},
                              .blob = ByteVector{0, 1, 2},
                              .parts = std::vector<sample::Part>{{.name = "one"}},
                              .words = std::vector<std::string>{},
                              .labels = std::map<std::string, std::string>{{"k", "v"}}};
  EXPECT_EQ(WriteXml(sample::kPutThingOperation, "urn:x", &thing, "id-1"),
            "<PutThingResponse xmlns=\"urn:x\"><PutThingResult><ThingName>a&lt;b&amp;c</ThingName>"
            "<Colour>RED</Colour><Force>false</Force><At>2015-08-30T12:36:00Z</At><Blob>AAEC</Blob>"
            "<Parts><member><Name>one</Name></member></Parts><Words/>"
            "<Labels><entry><key>k</key><value>v</value></entry></Labels></PutThingResult>"
            "<ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata></PutThingResponse>");
  EXPECT_EQ(
      WriteXml(sample::kDropThingOperation, "urn:x", &thing, "id-1"),
      "<DropThingResponse xmlns=\"urn:x\"><ResponseMetadata><RequestId>id-1</RequestId></ResponseMetadata>"
      "</DropThingResponse>");
}

}  // namespace
}  // namespace entrepot::aws
