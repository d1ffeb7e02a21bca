#include "aws/errors.h"

#include <set>

#include <gtest/gtest.h>
#include <re2/re2.h>

namespace entrepot::aws {
namespace {

Error ImageNotFound() {
  return Error(ErrorCode::kImageNotFound)
      .With("digest", "null")
      .With("tag", "v1")
      .With("repository", "team/app")
      .With("account", "123456789012");
}

TEST(Errors, EveryCodeHasItsRowWithANameAndAStatusInBothProtocols) {
  ASSERT_EQ(ErrorRows().size(), static_cast<std::size_t>(kErrorCodeCount));
  for (int i = 0; i < kErrorCodeCount; ++i) {
    const ErrorRow& row = ErrorRows()[i];
    EXPECT_EQ(static_cast<int>(row.code), i);
    EXPECT_FALSE(row.json_name.empty() || row.query_name.empty() || row.wording.empty())
        << ToString(row.code);
    for (const int status : {row.json_status, row.query_status}) EXPECT_TRUE(status >= 400 && status < 600);
  }
}

TEST(Errors, ThePlaceholdersOfEveryWordingAreFactsOfErrorH) {
  const std::set<std::string_view> known = {
      "account", "action",     "constraint", "detail",    "digest",    "digests", "expected",
      "limit",   "media_type", "offset",     "operation", "parameter", "prefix",  "principal",
      "reason",  "repository", "resource",   "size",      "tag",       "upload",  "version"};
  const re2::RE2 placeholder(R"((?:^|[^{]){(\w+)})");
  for (const ErrorRow& row : ErrorRows())
    for (const std::string_view wording : {row.wording, row.query_wording}) {
      re2::StringPiece rest(wording.data(), wording.size());
      for (std::string name; re2::RE2::FindAndConsume(&rest, placeholder, &name);)
        EXPECT_TRUE(known.contains(name)) << ToString(row.code) << ": " << name;
    }
}

TEST(Errors, JsonIsTypeMessageAndModelledMembers) {
  EXPECT_EQ(
      WriteJsonError(Describe(ImageNotFound(), Protocol::kJson)),
      "{\"__type\":\"ImageNotFoundException\",\"message\":\"The image with imageId {imageDigest:'null', "
      "imageTag:'v1'} does not exist within the repository with name 'team/app' in the registry with id "
      "'123456789012'\"}");
  const auto part = [](std::string offset) {
    return WriteJsonError(Describe(Error(ErrorCode::kUploadOffset)
                                       .With("upload", "u")
                                       .With("offset", std::move(offset))
                                       .With("repository", "team/app")
                                       .With("account", "123456789012"),
                                   Protocol::kJson));
  };
  EXPECT_EQ(part("10"),
            "{\"__type\":\"InvalidLayerPartException\",\"message\":\"The layer part of the upload with id "
            "'u' does not "
            "begin behind the 10 bytes received so far\",\"registryId\":\"123456789012\",\"repositoryName\":"
            "\"team/app\",\"uploadId\":\"u\",\"lastValidByteReceived\":9}");
  EXPECT_EQ(part("0").find("lastValidByteReceived"), std::string::npos);
  EXPECT_EQ(WriteJsonError(
                Describe(Error(ErrorCode::kKeyFailure, "no").With("kms_error", "Disabled"), Protocol::kJson)),
            R"({"__type":"KmsException","message":"no","kmsError":"Disabled"})");
}

TEST(Errors, XmlNamesTheSideAtFault) {
  EXPECT_EQ(WriteXmlError(Describe(Error(ErrorCode::kUnknownAccessKey), Protocol::kQuery), "urn:x", "id-1"),
            "<ErrorResponse "
            "xmlns=\"urn:x\"><Error><Type>Sender</Type><Code>InvalidClientTokenId</Code><Message>The "
            "security token included in the request is invalid.</Message></Error><RequestId>id-1</RequestId>"
            "</ErrorResponse>");
  EXPECT_NE(WriteXmlError(Describe(Error(ErrorCode::kInternal), Protocol::kQuery), "urn:x", "id-1")
                .find("<Type>Receiver</Type><Code>InternalFailure</Code>"),
            std::string::npos);
}

TEST(Errors, AuthenticationAnswersJsonServicesWithTheStatusThatWasChosen) {
  for (const ErrorCode code : {ErrorCode::kUnknownAccessKey, ErrorCode::kAccessDenied,
                               ErrorCode::kMissingAuthentication, ErrorCode::kSignatureMismatch}) {
    EXPECT_EQ(Describe(Error(code), Protocol::kJson).status, 400);
    EXPECT_EQ(Describe(Error(code), Protocol::kJson, {}, JsonAuthStatus::kDocumented).status, 403);
    EXPECT_EQ(Describe(Error(code), Protocol::kQuery).status, 403);
  }
  EXPECT_EQ(Describe(Error(ErrorCode::kRepositoryNotFound), Protocol::kJson, {}, JsonAuthStatus::kDocumented)
                .status,
            400);
}

TEST(Errors, WhatWentWrongInsideStaysInside) {
  for (const ErrorCode code : {ErrorCode::kUnavailable, ErrorCode::kStorageFull, ErrorCode::kStorageFault,
                               ErrorCode::kDamaged, ErrorCode::kConfiguration, ErrorCode::kInternal}) {
    const ErrorAnswer answer = Describe(Error(code, "/var/lib/secret"), Protocol::kJson);
    EXPECT_GE(answer.status, 500);
    EXPECT_EQ(answer.message.find("secret"), std::string::npos);
  }
}

TEST(Errors, AServiceMayReplaceARow) {
  constexpr ErrorRow kOwn[] = {{ErrorCode::kInternal, "KMSInternalException", 500, "X", 500, "own"}};
  EXPECT_EQ(Describe(Error(ErrorCode::kInternal), Protocol::kJson, kOwn).name, "KMSInternalException");
  EXPECT_EQ(Describe(Error(ErrorCode::kStorageFault), Protocol::kJson, kOwn).name, "ServerException");
}

}  // namespace
}  // namespace entrepot::aws
