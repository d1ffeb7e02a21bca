#include "aws/json_codec.h"

#include <gtest/gtest.h>

#include "aws/decode.h"
#include "aws/sample_model.h"

namespace entrepot::aws {
namespace {

using sample::PutThingRequest;

Result<PutThingRequest> Read(std::string_view text) {
  const Document document = TRY(ReadJson(text));
  PutThingRequest request;
  TRY(Decode(sample::kPutThing, document.root(), &request));
  return request;
}

std::string Write(const PutThingRequest& request) { return WriteJson(sample::kPutThing, &request); }

std::string FaultOf(std::string_view text) {
  const Result<PutThingRequest> request = Read(text);
  if (request) return "";
  EXPECT_EQ(request.error().code(), ErrorCode::kMalformedRequest);
  return std::string(request.error().fact("detail"));
}

TEST(JsonCodec, EveryKindComesBackAsItWas) {
  const std::string text =
      R"({"ThingName":"ab","Colour":"GREEN","Count":3,"Size":9007199254740993,"Score":0.5,"Force":true,)"
      R"("At":1663000000.123,"Blob":"AAEC","Parts":[{"Name":"one"},{"Name":"two","Note":"n"}],"Words":[],)"
      R"("Labels":{"aa":"1","bb":"2"}})";
  const Result<PutThingRequest> request = Read(text);
  ASSERT_TRUE(request) << request.error().ToString();
  EXPECT_EQ(request->colour, sample::Colour::kGreen);
  EXPECT_EQ(request->size, 9007199254740993);
  EXPECT_EQ(request->at, Timestamp{1663000000123000});
  EXPECT_EQ(request->blob, (ByteVector{0, 1, 2}));
  EXPECT_EQ(request->parts->at(1).note, "n");
  EXPECT_TRUE(request->words && request->words->empty());
  EXPECT_FALSE(request->secret);
  EXPECT_EQ(Write(*request), text);
}

TEST(JsonCodec, AbsentOptionalsAreLeftOutAndEmptyListsAreNot) {
  PutThingRequest thing{.thing_name = "ab"};
  EXPECT_EQ(Write(thing), R"({"ThingName":"ab"})");
  thing.parts.emplace();
  EXPECT_EQ(Write(thing), R"({"ThingName":"ab","Parts":[]})");
}

TEST(JsonCodec, TimesArePlainSecondsWithMilliseconds) {
  const auto written = [](std::int64_t micros) { return Write({.at = Timestamp{micros}}); };
  EXPECT_EQ(written(1'663'000'000'000'000), R"({"ThingName":"","At":1663000000})");
  EXPECT_EQ(written(1'663'000'000'120'999), R"({"ThingName":"","At":1663000000.12})");
  EXPECT_EQ(written(1'663'000'000'001'000), R"({"ThingName":"","At":1663000000.001})");
  EXPECT_EQ(written(-500'000), R"({"ThingName":"","At":-0.5})");
  EXPECT_EQ(Read(R"({"At":1.705072146E9})")->at, Timestamp{1'705'072'146'000'000});
}

TEST(JsonCodec, EscapesAreReadAndWritten) {
  const Result<PutThingRequest> request =
      Read(R"({"Secret":"a\"b\\c\/d\n\u00e9\ud83d\ude00\u0001","Blob":"\/\/8="})");
  ASSERT_TRUE(request);
  EXPECT_EQ(request->secret, "a\"b\\c/d\n\u00e9\U0001F600\x01");
  EXPECT_EQ(request->blob, (ByteVector{0xff, 0xff}));
  EXPECT_EQ(Write({.secret = "a\"b\\c/d\n\u00e9\x01\x1f"}),
            "{\"ThingName\":\"\",\"Secret\":\"a\\\"b\\\\c/d\\n\u00e9\\u0001\\u001f\"}");
  EXPECT_EQ(Read(R"({"Thing\u004eame":"ab"})")->thing_name, "ab");
}

TEST(JsonCodec, TextLongerThanTheParsersBufferSurvivesEscapes) {
  std::string long_text, escaped;
  for (int i = 0; i < 20'000; ++i) long_text += "x\ny", escaped += "x\\ny";
  EXPECT_EQ(Read("{\"Secret\":\"" + escaped + "\"}")->secret, long_text);
}

TEST(JsonCodec, NullIsAbsentUnknownIsIgnoredAndTheLastOfTwoCounts) {
  EXPECT_FALSE(Read(R"({"Secret":null,"Other":{"a":[1,{}]}})")->secret);
  EXPECT_EQ(Read(R"({"Secret":"a","Secret":"b"})")->secret, "b");
  EXPECT_FALSE(Read(R"({"Secret":"a","Secret":null})")->secret);
  EXPECT_EQ(Read(R"({"Words":["a",null,"b"]})")->words, (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(Read(""));
  EXPECT_TRUE(Read(" \n"));
}

TEST(JsonCodec, AnUnescapedTextIsNotCopied) {
  const std::string text = R"({"Blob":"AAEC"})";
  const Result<Document> document = ReadJson(text);
  const Node* blob = document->root().Find("Blob");
  EXPECT_EQ(blob->text.data(), text.data() + text.find("AAEC"));
}

TEST(JsonCodec, WrongTypesAreWordedAsAwsDoes) {
  EXPECT_EQ(FaultOf(R"({"ThingName":1})"), "NUMBER_VALUE cannot be converted to String");
  EXPECT_EQ(FaultOf(R"({"ThingName":1.5})"), "DECIMAL_VALUE cannot be converted to String");
  EXPECT_EQ(FaultOf(R"({"ThingName":true})"), "TRUE_VALUE cannot be converted to String");
  EXPECT_EQ(FaultOf(R"({"ThingName":["a"]})"), "Unexpected value type in payload");
  EXPECT_EQ(FaultOf(R"({"Colour":{}})"), "Unexpected value type in payload");
  EXPECT_EQ(FaultOf(R"({"Count":"1"})"), "STRING_VALUE cannot be converted to Integer");
  EXPECT_EQ(FaultOf(R"({"Count":2147483648})"), "NUMBER_VALUE cannot be converted to Integer");
  EXPECT_EQ(FaultOf(R"({"Size":1.5})"), "DECIMAL_VALUE cannot be converted to Long");
  EXPECT_EQ(FaultOf(R"({"Size":18446744073709551615})"), "DECIMAL_VALUE cannot be converted to Long");
  EXPECT_EQ(FaultOf(R"({"Force":"true"})"), "STRING_VALUE cannot be converted to Boolean");
  EXPECT_EQ(FaultOf(R"({"At":"2020"})"), "STRING_VALUE cannot be converted to Timestamp");
  EXPECT_EQ(FaultOf(R"({"At":1e300})"), "DECIMAL_VALUE cannot be converted to Timestamp");
  EXPECT_EQ(FaultOf(R"({"Blob":"A"})"), "STRING_VALUE cannot be converted to Blob");
  EXPECT_EQ(FaultOf(R"({"Parts":{}})"), "Unexpected value type in payload");
  EXPECT_EQ(FaultOf(R"({"Parts":["a"]})"), "Unexpected value type in payload");
  EXPECT_EQ(FaultOf(R"({"Labels":[]})"), "Unexpected value type in payload");
  EXPECT_EQ(FaultOf("[]"), "Unexpected value type in payload");
  EXPECT_EQ(FaultOf("null"), "Unexpected value type in payload");
}

TEST(JsonCodec, WhatIsNoJsonIsRefused) {
  for (const std::string_view text :
       {"{", "{}x", "{}{}", "{'a':1}", "{\"a\":1,}", "\"\xff\"", "{\"a\":\"\x01\"}", "nul"})
    EXPECT_TRUE(FaultOf(text).starts_with("The body is not JSON: ")) << text;
  EXPECT_EQ(FaultOf(R"({"Score":1e400})"), "The body is not JSON: a number is too large");
}

TEST(JsonCodec, DepthAndNumberOfValuesAreBounded) {
  EXPECT_NE(FaultOf(std::string(100, '[') + std::string(100, ']')), "");
  std::string many = "{\"Other\":[0";
  for (std::size_t i = 0; i < Document::kMaxNodes; ++i) many += ",0";
  EXPECT_EQ(FaultOf(many + "]}"), "The body is not JSON: too many values");
}

}  // namespace
}  // namespace entrepot::aws
