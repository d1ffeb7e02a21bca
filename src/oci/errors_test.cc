#include "oci/errors.h"

#include <set>
#include <string>

#include <gtest/gtest.h>

#include "base/json.h"

namespace entrepot::oci {
namespace {

namespace json = boost::json;

const std::string& BodyOf(const http::Response& response) { return std::get<std::string>(response.body); }

json::object FirstError(const http::Response& response) {
  const Result<json::value> body = ParseJson(BodyOf(response));
  return body->as_object().at("errors").as_array().at(0).as_object();
}

std::string Message(const Error& error) {
  return std::string(FirstError(ErrorResponse(error)).at("message").as_string());
}

TEST(Errors, EveryCodeHasItsOwnRow) {
  for (int i = 0; i < kErrorCodeCount; ++i) {
    const auto code = static_cast<ErrorCode>(i);
    const ErrorRow& row = RowFor(Error(code));
    EXPECT_EQ(row.code, code) << ToString(code);
    EXPECT_GE(row.status, 400) << ToString(code);
    EXPECT_LT(row.status, 600) << ToString(code);
    EXPECT_FALSE(row.oci_code.empty() || row.wording.empty()) << ToString(code);
    for (const char c : row.oci_code) EXPECT_TRUE((c >= 'A' && c <= 'Z') || c == '_') << row.oci_code;
  }
}

TEST(Errors, BodyIsTheSpecificationsWithANewlineBehind) {
  const http::Response response = ErrorResponse(
      Error(ErrorCode::kRepositoryNotFound).With("repository", "team/app").With("account", "123456789012"));
  EXPECT_EQ(response.status, 404);
  EXPECT_EQ(BodyOf(response),
            "{\"errors\":[{\"code\":\"NAME_UNKNOWN\",\"message\":\"The repository with name 'team/app' does "
            "not exist in "
            "the registry with id '123456789012'\",\"detail\":{\"repository\":\"team/app\",\"account\":"
            "\"123456789012\"}}]}\n");
  EXPECT_NE(response.fields.find("Content-Type: application/json; charset=utf-8\r\n"), std::string::npos);
}

TEST(Errors, TextsAreEcrs) {
  using enum ErrorCode;
  EXPECT_EQ(Message(Error(kImageNotFound).With("tag", "x")), "Requested image not found");
  EXPECT_EQ(Message(Error(kImageTagImmutable).With("tag", "v1").With("repository", "app")),
            "The image tag 'v1' already exists in the 'app' repository and cannot be overwritten because the "
            "tag is "
            "immutable.");
  EXPECT_EQ(Message(Error(kLayersNotFound)
                        .With("digests", "[sha256:1, sha256:2]")
                        .With("repository", "app")
                        .With("account", "1")),
            "Layers with digests '[sha256:1, sha256:2]' required for pushing image into repository with name "
            "'app' in "
            "the registry with id '1' do not exist");
  EXPECT_EQ(
      Message(Error(kReferencedImagesNotFound)
                  .With("digests", "[sha256:1]")
                  .With("repository", "app")
                  .With("account", "1")),
      "Images with digests '[sha256:1]' required for pushing image into repository with name 'app' in the "
      "registry with id '1' do not exist");
  EXPECT_EQ(Message(Error(kManifestInvalid, "no object")),
            "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'");
  EXPECT_EQ(Message(Error(kImageReferencedByIndex).With("digests", "[sha256:1]")),
            "Requested image referenced by manifest list: [sha256:1]");
  EXPECT_EQ(Message(Error(kLayerPartTooSmall)),
            "All layer parts except the last part should be at least 5MB");
  EXPECT_EQ(Message(Error(kRegistryTokenExpired)),
            "Your authorization token has expired. Reauthenticate and try again.");
}

TEST(Errors, AFactMayDecideTheCode) {
  using enum ErrorCode;
  EXPECT_EQ(RowFor(Error(kInvalidParameter).With("parameter", "repositoryName")).oci_code, "NAME_INVALID");
  EXPECT_EQ(RowFor(Error(kInvalidParameter).With("parameter", "imageTag")).oci_code, "TAG_INVALID");
  EXPECT_EQ(RowFor(Error(kInvalidParameter).With("parameter", "n")).oci_code, "PAGINATION_NUMBER_INVALID");
  EXPECT_EQ(RowFor(Error(kInvalidParameter).With("parameter", "other")).oci_code, "UNSUPPORTED");
  EXPECT_EQ(RowFor(Error(kUnknownOperation).With("operation", "/v2/x")).status, 404);
  const http::Response wrong_method = ErrorResponse(Error(kUnknownOperation).With("allow", "GET, HEAD"));
  EXPECT_EQ(wrong_method.status, 405);
  EXPECT_NE(wrong_method.fields.find("Allow: GET, HEAD\r\n"), std::string::npos);
}

TEST(Errors, TheEnvironmentsFaultsTellNoDetails) {
  using enum ErrorCode;
  for (const ErrorCode code :
       {kUnavailable, kStorageFull, kStorageFault, kDamaged, kConfiguration, kInternal}) {
    const http::Response response = ErrorResponse(Error(code, "/var/lib/secret/path"));
    EXPECT_GE(response.status, 500);
    EXPECT_EQ(BodyOf(response).find("secret"), std::string::npos) << BodyOf(response);
  }
  EXPECT_NE(ErrorResponse(Error(kUnavailable)).fields.find("Retry-After: "), std::string::npos);
  EXPECT_NE(ErrorResponse(Error(kKeyFailure)).fields.find("Retry-After: "), std::string::npos);
}

TEST(Errors, HostileTextStaysInsideTheJson) {
  const std::string hostile = "a\"}],\"x\":[{\"\r\n\x01";
  EXPECT_EQ(FirstError(ErrorResponse(Error(ErrorCode::kDigestInvalid).With("digest", hostile)))
                .at("message")
                .as_string(),
            "The digest '" + hostile + "' is not valid");
}

TEST(Errors, ARangeBeyondTheEndTellsTheSize) {
  const http::Response response = ErrorResponse(Error(ErrorCode::kRangeNotSatisfiable).With("size", "17"));
  EXPECT_EQ(response.status, 416);
  EXPECT_NE(response.fields.find("Content-Range: bytes */17\r\n"), std::string::npos);
}

TEST(Errors, ChallengeIsEcrsWithTheSchemeServed) {
  const http::Response plain = Challenge("localhost:5000", false);
  EXPECT_EQ(plain.status, 401);
  EXPECT_EQ(plain.fields,
            "Content-Type: text/plain; charset=utf-8\r\n"
            "Www-Authenticate: Basic realm=\"http://localhost:5000/\",service=\"ecr.amazonaws.com\"\r\n");
  EXPECT_EQ(BodyOf(plain), "Not Authorized\n");
  const http::Response secure = Challenge("123456789012.dkr.ecr.us-west-2.example.org", true);
  EXPECT_NE(
      secure.fields.find("Basic realm=\"https://123456789012.dkr.ecr.us-west-2.example.org/\",service="),
      std::string::npos);
}

}  // namespace
}  // namespace entrepot::oci
