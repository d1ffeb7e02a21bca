#include "aws/validate.h"

#include <gtest/gtest.h>

#include "aws/json_codec.h"
#include "aws/sample_model.h"

namespace entrepot::aws {
namespace {

Result<> Check(std::string_view text, ValidationStyle style) {
  const Result<Document> document = ReadJson(text);
  EXPECT_TRUE(document) << text;
  return Validate(sample::kPutThing, document->root(), style);
}

// Family A: "<parameter>: <constraint>".
std::string Parameter(std::string_view text) {
  const Result<> outcome = Check(text, ValidationStyle::kInvalidParameter);
  if (outcome) return "";
  EXPECT_EQ(outcome.error().code(), ErrorCode::kInvalidParameter);
  return std::string(outcome.error().fact("parameter")) + ": " +
         std::string(outcome.error().fact("constraint"));
}

std::string Sentence(std::string_view text, ValidationStyle style = ValidationStyle::kValidation) {
  const Result<> outcome = Check(text, style);
  if (outcome) return "";
  EXPECT_EQ(outcome.error().code(), ErrorCode::kValidation);
  return std::string(outcome.error().fact("detail"));
}

TEST(Validate, FamilyANamesTheFirstViolation) {
  EXPECT_EQ(Parameter(R"({"ThingName":"ab"})"), "");
  EXPECT_EQ(Parameter("{}"), "ThingName: Member must not be null");
  EXPECT_EQ(Parameter(R"({"ThingName":null})"), "ThingName: Member must not be null");
  EXPECT_EQ(Parameter(R"({"ThingName":"a"})"), "ThingName: must have length greater than or equal to 2");
  EXPECT_EQ(Parameter(R"({"ThingName":"abcdef"})"), "ThingName: must have length less than or equal to 5");
  EXPECT_EQ(Parameter(R"({"ThingName":"ab1"})"),
            "ThingName: must satisfy regular expression '[a-z\\u00E0-\\u00FF]+'");
  EXPECT_EQ(Parameter(R"({"ThingName":"ab","Count":0})"), "Count: must be greater than or equal to 1");
  EXPECT_EQ(Parameter(R"({"ThingName":"ab","Count":11})"), "Count: must be less than or equal to 10");
  EXPECT_EQ(Parameter(R"({"ThingName":"ab","Colour":"BLUE"})"),
            "Colour: Member must satisfy enum value set: [RED, GREEN]");
  EXPECT_EQ(Parameter(R"({"ThingName":"ab","Parts":[{"Name":"ab"},{}]})"),
            "Parts.2.member.Name: Member must not be null");
  EXPECT_EQ(Parameter(R"({"ThingName":"ab","Labels":{"a":"x"}})"),
            "Labels.member: must have length greater than or equal to 2");
}

TEST(Validate, FamilyBNamesThemAll) {
  EXPECT_EQ(Sentence("{}"),
            "1 validation error detected: Value at 'ThingName' failed to satisfy constraint: Member must not "
            "be null");
  EXPECT_EQ(
      Sentence(R"({"ThingName":"abc1de","Count":0})"),
      "3 validation errors detected: Value 'abc1de' at 'ThingName' failed to satisfy constraint: Member must "
      "have "
      "length less than or equal to 5; Value 'abc1de' at 'ThingName' failed to satisfy constraint: Member "
      "must "
      "satisfy regular expression pattern: [a-z\\u00E0-\\u00FF]+; Value '0' at 'Count' failed to satisfy "
      "constraint: Member must have value greater than or equal to 1");
  EXPECT_EQ(Sentence("{}", ValidationStyle::kQueryValidation),
            "1 validation error detected: Value at 'thingName' failed to satisfy constraint: Member must not "
            "be null");
}

TEST(Validate, LengthsCountCharactersAndDecodedBytes) {
  EXPECT_EQ(Parameter("{\"ThingName\":\"\u00e9\u00e9\u00e9\u00e9\u00e9\"}"), "");
  const auto blob = [](std::size_t length) {
    return R"({"ThingName":"ab","Blob":")" + std::string(length, 'A') + "\"}";
  };
  EXPECT_EQ(Parameter(blob(120'000)), "");
  EXPECT_EQ(Parameter(blob(120'004)), "Blob: must have length less than or equal to 90000");
}

TEST(Validate, TheWholeValueMustMatch) {
  EXPECT_NE(Parameter("{\"ThingName\":\"ab\\n\"}"), "");
  EXPECT_NE(Parameter(R"({"ThingName":" ab"})"), "");
}

TEST(Validate, NoTextContainsANul) {
  EXPECT_EQ(Parameter(R"({"ThingName":"ab","Parts":[{"Name":"ab","Note":"\u0000"}]})"),
            "Parts.1.member.Note: must not contain U+0000");
  EXPECT_EQ(Parameter(R"({"ThingName":"ab","Parts":[{"Name":"ab","Note":"a\u0001"}]})"), "");
  EXPECT_EQ(Parameter(R"({"ThingName":"a\u0000"})"),
            "ThingName: must satisfy regular expression '[a-z\\u00E0-\\u00FF]+'");
}

TEST(Validate, SecretsAreNotRepeated) {
  EXPECT_EQ(
      Sentence(R"({"ThingName":"ab","Secret":"abc"})"),
      "1 validation error detected: Value at 'Secret' failed to satisfy constraint: Member must have length "
      "greater than or equal to 4");
}

TEST(Validate, ALongValueIsAbridgedAndManyViolationsAreCutShort) {
  EXPECT_LT(Sentence(R"({"ThingName":")" + std::string(100'000, '!') + "\"}").size(), 2000u);
  std::string many = R"({"ThingName":"ab","Parts":[{})";
  for (int i = 0; i < 10'000; ++i) many += ",{}";
  EXPECT_LT(Sentence(many + "]}").size(), 4000u);
}

TEST(Validate, TheStyleFollowsTheModelledErrors) {
  constexpr std::string_view kBoth[] = {"InvalidParameterException", "ValidationException"};
  EXPECT_EQ(StyleOf(sample::kPutThingOperation), ValidationStyle::kInvalidParameter);
  EXPECT_EQ(StyleOf(sample::kDropThingOperation), ValidationStyle::kValidation);
  EXPECT_EQ(StyleOf({.errors = kBoth}), ValidationStyle::kValidation);
}

}  // namespace
}  // namespace entrepot::aws
