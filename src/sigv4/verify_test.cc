// Every way a signature can be wrong, with the text that AWS answers.

#include "sigv4/verify.h"

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "base/hasher.h"
#include "sigv4/sign.h"

namespace entrepot::sigv4 {
namespace {

using namespace std::chrono_literals;

Timestamp At(std::string_view text) {
  Timestamp time;
  EXPECT_TRUE(FromBasicIso8601(text, time)) << text;
  return time;
}

const std::string kGoodAuthorization =
    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-west-2/ecr/aws4_request, "
    "SignedHeaders=host;x-amz-date, "
    "Signature=00ff";

Result<Claim> Parse(std::string_view authorization, std::string_view date = "20150830T123600Z",
                    std::string_view query = "") {
  std::vector<Header> headers{{"Host", "localhost:5000"}};
  if (!authorization.empty()) headers.push_back({"Authorization", authorization});
  if (!date.empty()) headers.push_back({"X-Amz-Date", date});
  return ParseClaim({"POST", "/", query, headers});
}

std::string Detail(const Result<Claim>& claim) { return std::string(claim.error().fact("detail")); }

TEST(ParseClaim, TakesAHeaderApart) {
  const Claim claim = Parse(kGoodAuthorization).value();
  EXPECT_EQ(claim.access_key_id, "AKIDEXAMPLE");
  EXPECT_EQ(claim.scope.ToString(), "20150830/us-west-2/ecr/aws4_request");
  EXPECT_EQ(claim.signed_headers, (std::vector<std::string>{"host", "x-amz-date"}));
  EXPECT_EQ(claim.signature, "00ff");
  EXPECT_EQ(claim.form, Form::kHeader);
}

TEST(ParseClaim, BlanksAfterCommasAreOptional) {
  std::string tight = kGoodAuthorization;
  for (std::size_t at; (at = tight.find(", ")) != tight.npos;) tight.erase(at + 1, 1);
  EXPECT_EQ(Parse(tight)->signature, "00ff");
}

TEST(ParseClaim, NoSignatureAtAll) {
  EXPECT_EQ(Parse("").error().code(), ErrorCode::kMissingAuthentication);
  EXPECT_EQ(Parse("", "", "Action=GetCallerIdentity").error().code(), ErrorCode::kMissingAuthentication);
}

TEST(ParseClaim, NamesOnlyWhatIsMissing) {
  const auto hashed = [](std::string_view text) {
    return "(Hashed with SHA-256 and encoded with Base64) Authorization=" +
           Base64Encode(Sha256(AsBytes(text)));
  };
  const std::string only_signature = "AWS4-HMAC-SHA256 Signature=00ff";
  EXPECT_EQ(Detail(Parse(only_signature)),
            "Authorization header requires 'Credential' parameter. "
            "Authorization header requires 'SignedHeaders' parameter. " +
                hashed(only_signature));
  EXPECT_EQ(Detail(Parse(kGoodAuthorization, "")),
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. " +
                hashed(kGoodAuthorization));
  const std::string basic = "Basic QVdTOnNlY3JldA==";
  EXPECT_EQ(Detail(Parse(basic, "")),
            "Authorization header requires 'Credential' parameter. "
            "Authorization header requires 'Signature' parameter. "
            "Authorization header requires 'SignedHeaders' parameter. "
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. " +
                hashed(basic));
  EXPECT_EQ(Parse(basic).error().code(), ErrorCode::kIncompleteSignature);
}

TEST(ParseClaim, MalformedParts) {
  EXPECT_EQ(
      Detail(Parse("AWS4-HMAC-SHA256 Credential=AKID/20150830/us-west-2, SignedHeaders=host, Signature=0")),
      "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, "
      "got 'AKID/20150830/us-west-2'");
  EXPECT_EQ(Detail(Parse(kGoodAuthorization, "Sun, 30 Aug 2015 12:36:00 GMT")),
            "Date must be in ISO-8601 'basic format'. Got 'Sun, 30 Aug 2015 12:36:00 GMT'. "
            "See http://en.wikipedia.org/wiki/ISO_8601");
}

constexpr std::string_view kGoodQuery =
    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKID%2F20150830%2Fus-east-1%2Fsts%2Faws4_request"
    "&X-Amz-Date=20150830T123600Z&X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=00ff";

std::string Without(std::string_view name) {
  std::string query;
  for (const QueryParameter& parameter : ParseQuery(kGoodQuery))
    if (parameter.name != name) query += "&" + parameter.name + "=" + PercentEncode(parameter.value);
  return query.substr(1);
}

TEST(ParseClaim, QueryForm) {
  const Claim claim = Parse("", "", kGoodQuery).value();
  EXPECT_EQ(claim.form, Form::kQuery);
  EXPECT_EQ(claim.valid_for, 60s);
  EXPECT_EQ(claim.access_key_id, "AKID");
  for (const char* name : {"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders",
                           "X-Amz-Date", "X-Amz-Expires"})
    EXPECT_EQ(Detail(Parse("", "", Without(name))),
              std::string("AWS query-string parameters must include '") + name +
                  "'. Re-examine the query-string parameters.");
  for (const char* bad : {"0", "604801", "x", "-1", "1e3", "99999999999999999999"})
    EXPECT_EQ(Detail(Parse("", "", Without("X-Amz-Expires") + "&X-Amz-Expires=" + bad)),
              "X-Amz-Expires must be a number of seconds from 1 to 604800");
  EXPECT_EQ(Detail(Parse("", "", std::string(kGoodQuery) + "&X-Amz-Date=20150830T123600Z")),
            "The query-string parameter 'X-Amz-Date' appears twice.");
  EXPECT_EQ(Detail(Parse("", "", Without("X-Amz-Algorithm") + "&X-Amz-Algorithm=AWS4-ECDSA-P256-SHA256")),
            "Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256'.");
}

Result<> Scoped(std::string credential, std::string_view service, bool region_served = true) {
  const Claim claim =
      Parse("AWS4-HMAC-SHA256 Credential=AKID/" + credential + ", SignedHeaders=host, Signature=0").value();
  return CheckScope(claim, service, [&](std::string_view) { return region_served; });
}

TEST(CheckScope, SaysEverythingThatIsWrong) {
  EXPECT_TRUE(Scoped("20150830/us-west-2/ecr/aws4_request", "ecr"));
  const auto detail = [](const Result<>& result) { return result.error().fact("detail"); };
  EXPECT_EQ(detail(Scoped("20150830/mars/ecr/aws4_request", "ecr", false)),
            "Credential should be scoped to a valid region. ");
  EXPECT_EQ(detail(Scoped("20150830/us-west-2/s3/aws4_request", "ecr")),
            "Credential should be scoped to correct service: 'ecr'. ");
  EXPECT_EQ(detail(Scoped("20150830/us-west-2/ecr/aws3_request", "ecr")),
            "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws3_request'. ");
  EXPECT_EQ(detail(Scoped("20150831/us-west-2/ecr/aws4_request", "ecr")),
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            "'20150831' != '20150830', from '20150830T123600Z'. ");
  EXPECT_EQ(
      detail(Scoped("20150830/mars/s3/x", "ecr", false)),
      "Credential should be scoped to a valid region. Credential should be scoped to correct service: 'ecr'. "
      "Credential should be scoped with a valid terminator: 'aws4_request', not 'x'. ");
  EXPECT_EQ(Scoped("20150830/us-west-2/s3/aws4_request", "ecr").error().code(), ErrorCode::kCredentialScope);
}

TEST(CheckTime, AllowsFiveMinutesEachWay) {
  const Claim claim = Parse(kGoodAuthorization).value();  // 12:36:00
  EXPECT_TRUE(CheckTime(claim, At("20150830T124100Z")));
  EXPECT_TRUE(CheckTime(claim, At("20150830T123100Z")));
  const Result<> late = CheckTime(claim, At("20150830T124101Z"));
  EXPECT_EQ(late.error().code(), ErrorCode::kSignatureExpired);
  EXPECT_EQ(
      late.error().fact("detail"),
      "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z (20150830T124101Z - 5 min.)");
  const Result<> early = CheckTime(claim, At("20150830T123059Z"));
  EXPECT_EQ(early.error().code(), ErrorCode::kSignatureNotYetCurrent);
  EXPECT_EQ(early.error().fact("detail"),
            "Signature not yet current: 20150830T123600Z is still later than 20150830T123559Z "
            "(20150830T123059Z + 5 min.)");
}

TEST(CheckTime, APresignedRequestLivesAsLongAsItSays) {
  const Claim claim = Parse("", "", kGoodQuery).value();  // 60 s from 12:36:00
  EXPECT_TRUE(CheckTime(claim, At("20150830T123700Z")));
  EXPECT_TRUE(CheckTime(claim, At("20150830T123100Z")));
  EXPECT_EQ(
      CheckTime(claim, At("20150830T123701Z")).error().fact("detail"),
      "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z (20150830T123701Z - 1 min.)");
}

// ---- whole requests

struct Signed {
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body = "{}";

  Result<> Check() const {
    std::vector<Header> views;
    for (const auto& [name, value] : headers) views.push_back({name, value});
    const SignableRequest request{"POST", "/", "", views};
    const Claim claim = TRY(ParseClaim(request));
    TRY(CheckSignedHeaders(request, claim));
    return CheckSignature(request, claim, DeriveSigningKey("secret", claim.scope),
                          HexEncode(Sha256(AsBytes(body))));
  }
  ErrorCode Code() const { return Check().error().code(); }
};

Signed Sign(ContentHashHeader hash = ContentHashHeader::kLeftOut) {
  Signed result{{{"Host", "localhost:5000"}, {"X-Amz-Target", "Registry.DescribeRepositories"}}};
  const std::vector<Header> views{{result.headers[0].first, result.headers[0].second},
                                  {result.headers[1].first, result.headers[1].second}};
  const Signer signer{"AKID", "secret", "", "us-west-2", "ecr"};
  for (auto& header :
       SignHeaders({"POST", "/", "", views}, AsBytes(result.body), signer, At("20150830T123600Z"), hash))
    result.headers.push_back(std::move(header));
  return result;
}

TEST(CheckSignature, AnyChangeBreaksIt) {
  EXPECT_TRUE(Sign().Check());
  for (std::size_t i = 0; i < 3; ++i) {  // host, target, date
    Signed changed = Sign();
    std::string& value = changed.headers[i].second;
    value[10] = value[10] == '1' ? '2' : '1';
    EXPECT_EQ(changed.Code(), ErrorCode::kSignatureMismatch) << changed.headers[i].first;
  }
  Signed body = Sign();
  body.body = "{ }";
  EXPECT_EQ(body.Code(), ErrorCode::kSignatureMismatch);
  Signed signature = Sign();
  signature.headers.back().second.back() ^= 1;
  EXPECT_EQ(signature.Code(), ErrorCode::kSignatureMismatch);
  Signed cut = Sign();
  cut.headers.back().second.pop_back();
  EXPECT_EQ(cut.Code(), ErrorCode::kSignatureMismatch);
}

TEST(CheckSignature, HeadersThatNobodySignedAreRefused) {
  Signed extra = Sign();
  extra.headers.emplace_back("X-Amz-Meta", "1");
  EXPECT_EQ(extra.Check().error().fact("detail"),
            "'x-amz-meta' must be a 'SignedHeader' in the AWS Authorization.");
  Signed host = Sign();
  std::string& authorization = host.headers.back().second;
  authorization.erase(authorization.find("host;"), 5);
  EXPECT_EQ(host.Check().error().fact("detail"), "'Host' must be a 'SignedHeader' in the AWS Authorization.");
  Signed trace = Sign();
  trace.headers.emplace_back("X-Amzn-Trace-Id", "added by a proxy");
  EXPECT_TRUE(trace.Check());
}

TEST(CheckSignature, TheDeclaredHashMustBeTheBodys) {
  EXPECT_TRUE(Sign(ContentHashHeader::kSent).Check());
  Signed body = Sign(ContentHashHeader::kSent);
  body.body = "{ }";
  EXPECT_EQ(body.Code(), ErrorCode::kSignatureMismatch);

  // A correct signature over UNSIGNED-PAYLOAD, as S3 would take it, covers no body and is refused.
  const std::vector<Header> headers{
      {"Host", "h"}, {"X-Amz-Date", "20150830T123600Z"}, {"X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD"}};
  const SignableRequest request{"POST", "/", "", headers};
  Claim claim{.scope = {"20150830", "us-west-2", "ecr"},
              .signed_headers = HeaderNames(headers),
              .time = At("20150830T123600Z")};
  const SecretKey key = DeriveSigningKey("secret", claim.scope);
  claim.signature = ComputeSignature(
      key, StringToSign(
               claim.time, claim.scope,
               CanonicalRequest(request, claim.signed_headers, "UNSIGNED-PAYLOAD", PathRule::kNormalized)));
  EXPECT_EQ(CheckSignature(request, claim, key, HexEncode(Sha256({}))).error().code(),
            ErrorCode::kSignatureMismatch);
}

TEST(Canonical, PathsAsServicesSignThem) {
  const auto path = [](std::string_view sent, PathRule rule) {
    const std::string canonical = CanonicalRequest({"GET", sent, "", {}}, {}, "", rule);
    return canonical.substr(4, canonical.find('\n', 4) - 4);
  };
  EXPECT_EQ(path("", PathRule::kNormalized), "/");
  EXPECT_EQ(path("/a/./b/../c//", PathRule::kNormalized), "/a/c/");
  EXPECT_EQ(path("/../..", PathRule::kNormalized), "/");
  EXPECT_EQ(path("/a%20b", PathRule::kNormalized), "/a%2520b");
  EXPECT_EQ(path("/a%20b//sha256:c", PathRule::kAsSent), "/a%20b//sha256%3Ac");
}

}  // namespace
}  // namespace entrepot::sigv4
