// AWS's own signing cases: a few as facts here, all of them from the shared data where that is present.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

#include "base/encoding.h"
#include "base/hasher.h"
#include "base/json.h"
#include "sigv4/sign.h"
#include "sigv4/verify.h"

namespace entrepot::sigv4 {
namespace {

constexpr std::string_view kKeyId = "AKIDEXAMPLE", kSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
constexpr std::chrono::seconds kValidFor{3600};

struct Case {
  std::string name, method, path, query;
  std::vector<std::pair<std::string, std::string>> headers{{"Host", "example.amazonaws.com"}};
  std::string body;
  bool normalize = true, sign_body = false;
  std::string token;                              // "" = long-term credentials
  bool token_added_later = false;                 // the token is sent but not signed
  std::string header_canonical, query_canonical;  // "" = not given
  std::string header_string_to_sign, query_string_to_sign;
  std::string header_signature, query_signature;
};

std::vector<Header> Views(const std::vector<std::pair<std::string, std::string>>& owned) {
  std::vector<Header> views;
  for (const auto& [name, value] : owned) views.push_back({name, value});
  return views;
}

Timestamp CaseTime() {
  Timestamp time;
  EXPECT_TRUE(FromBasicIso8601("20150830T123600Z", time));
  return time;
}

Signer SignerOf(const Case& vector) {
  return {kKeyId,      kSecret,   vector.token_added_later ? "" : std::string_view(vector.token),
          "us-east-1", "service", vector.normalize ? PathRule::kNormalized : PathRule::kAsSent};
}

// The body counts only where the case says that it is signed.
std::string BodyOf(const Case& vector) { return vector.sign_body ? vector.body : ""; }

Result<> Verify(const SignableRequest& request, std::string_view body, PathRule rule) {
  const Claim claim = TRY(ParseClaim(request));
  TRY(CheckScope(claim, "service", [](std::string_view region) { return region == "us-east-1"; }));
  TRY(CheckTime(claim, CaseTime()));
  TRY(CheckSignedHeaders(request, claim));
  const SecretKey key = DeriveSigningKey(kSecret, claim.scope);
  return CheckSignature(request, claim, key, HexEncode(Sha256(AsBytes(body))), rule);
}

void ExpectTexts(const Case& vector, const SignableRequest& request, std::span<const std::string> names,
                 const std::string& canonical, const std::string& to_sign) {
  const Scope scope{"20150830", "us-east-1", "service"};
  const std::string made = CanonicalRequest(request, names, HexEncode(Sha256(AsBytes(BodyOf(vector)))),
                                            SignerOf(vector).path_rule);
  if (!canonical.empty()) EXPECT_EQ(made, canonical);
  if (!to_sign.empty()) EXPECT_EQ(StringToSign(CaseTime(), scope, made), to_sign);
}

void CheckHeaderForm(const Case& vector) {
  std::vector<Header> headers = Views(vector.headers);
  const SignableRequest bare{vector.method, vector.path, vector.query, headers};
  const auto hash_header = vector.sign_body ? ContentHashHeader::kSent : ContentHashHeader::kLeftOut;
  OwnedHeaders added = SignHeaders(bare, AsBytes(BodyOf(vector)), SignerOf(vector), CaseTime(), hash_header);
  EXPECT_TRUE(added.back().second.ends_with("Signature=" + vector.header_signature)) << added.back().second;
  if (vector.token_added_later) added.emplace_back("X-Amz-Security-Token", vector.token);
  for (const auto& [name, value] : added) headers.push_back({name, value});
  const SignableRequest request{vector.method, vector.path, vector.query, headers};
  const Claim claim = ParseClaim(request).value();
  ExpectTexts(vector, request, claim.signed_headers, vector.header_canonical, vector.header_string_to_sign);
  EXPECT_TRUE(Verify(request, BodyOf(vector), SignerOf(vector).path_rule));
  EXPECT_EQ(Verify(request, BodyOf(vector) + "x", SignerOf(vector).path_rule).error().code(),
            ErrorCode::kSignatureMismatch);
}

void CheckQueryForm(const Case& vector) {
  const std::vector<Header> headers = Views(vector.headers);
  const SignableRequest bare{vector.method, vector.path, vector.query, headers};
  const std::string query = Presign(bare, AsBytes(BodyOf(vector)), SignerOf(vector), CaseTime(), kValidFor);
  EXPECT_TRUE(query.ends_with("X-Amz-Signature=" + vector.query_signature)) << query;
  const SignableRequest request{vector.method, vector.path, query, headers};
  const Claim claim = ParseClaim(request).value();
  ExpectTexts(vector, request, claim.signed_headers, vector.query_canonical, vector.query_string_to_sign);
  EXPECT_TRUE(Verify(request, BodyOf(vector), SignerOf(vector).path_rule));
  const SignableRequest other{"PUT", vector.path, query, headers};
  EXPECT_EQ(Verify(other, BodyOf(vector), SignerOf(vector).path_rule).error().code(),
            ErrorCode::kSignatureMismatch);
}

const Case kCases[] = {
    {.name = "nothing but a host",
     .method = "GET",
     .path = "/",
     .header_canonical =
         "GET\n/\n\nhost:example.amazonaws.com\nx-amz-date:20150830T123600Z\n\nhost;x-amz-date\n"
         "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
     .header_signature = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
     .query_signature = "e93c787ed7f371d5c6b165c1b38ede9550f4dce4144713e844b25b7192d3865d"},
    {.name = "parameters sort by their encoded names",
     .method = "GET",
     .path = "/",
     .query = "Param-3=Value3&Param=Value2&%E1%88%B4=Value1",
     .header_string_to_sign = "AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/service/aws4_request\n"
                              "868294f5c38bd141c4972a373a76654f1418a8e4fc18b2e7903ae45e8ae0ec71",
     .header_signature = "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac",
     .query_signature = "c5f1848ceec943ac2ca68ee720460c23aaae30a2300586597ada94c4a65e4787"},
    {.name = "repeated headers are joined in the order sent",
     .method = "GET",
     .path = "/",
     .headers = {{"Host", "example.amazonaws.com"},
                 {"My-Header1", "value2"},
                 {"My-Header1", "value2"},
                 {"My-Header1", "value1"}},
     .header_signature = "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
     .query_signature = "3349ee0b81b4b589da0ff28a395c3591e04de515651dd74f298fa992d1507a97"},
    {.name = "runs of blanks fold",
     .method = "GET",
     .path = "/",
     .headers = {{"Host", "example.amazonaws.com"},
                 {"My-Header1", " value1"},
                 {"My-Header2", " \"a   b   c\""}},
     .header_signature = "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
     .query_signature = "e7bb0fd515e125e1aec2ecc4c0c17484fb06f6846b927c35e46005dd3df3acd4"},
    {.name = "S3 signs the path as it stands",
     .method = "GET",
     .path = "/example/..",
     .normalize = false,
     .header_signature = "eca7ead57bb5aa5c8e28007acd4ff04e1ff9a0ff3b237ec1554a184887ff9282",
     .query_signature = "cbcb213b928a077e43275df47b500f1dfaa864ab3f5a18f6b95f4ff0938167ee"},
    {.name = "a session token is signed",
     .method = "GET",
     .path = "/",
     .token = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267",
     .header_signature = "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8",
     .query_signature = "7ff2b50b376cb4d151970630573d6291dc128cc5c2a12ffb237f73cc53f67b6c"},
    {.name = "a form's body is hashed",
     .method = "POST",
     .path = "/",
     .headers = {{"Content-Type", "application/x-www-form-urlencoded"},
                 {"Host", "example.amazonaws.com"},
                 {"Content-Length", "13"}},
     .body = "Param1=value1",
     .sign_body = true,
     .header_signature = "d3875051da38690788ef43de4db0d8f280229d82040bfac253562e56c3f20e0b",
     .query_signature = "89a40deed0f26f9461242825a082d2222717248abc7ab41f552ad84a94ad46e9"},
};

TEST(SigningCases, OwnCopies) {
  for (const Case& vector : kCases) {
    SCOPED_TRACE(vector.name);
    CheckHeaderForm(vector);
    CheckQueryForm(vector);
  }
}

// ---- the shared folder

std::string ReadText(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

// "METHOD target HTTP/1.1", headers of which some go on over several lines, a blank line, the body.
void ReadRequest(const std::string& text, Case& vector) {
  const std::size_t end_of_line = text.find('\n');
  const std::string line = text.substr(0, end_of_line);
  const std::size_t method = line.find(' '), version = line.rfind(' ');
  const std::string target = line.substr(method + 1, version - method - 1);
  const std::size_t mark = std::min(target.find('?'), target.size());
  vector.method = line.substr(0, method);
  vector.path = target.substr(0, mark);
  vector.query = target.substr(std::min(mark + 1, target.size()));
  vector.headers.clear();
  std::size_t at = end_of_line + 1;
  while (at < text.size() && text[at] != '\n') {
    std::size_t end = std::min(text.find('\n', at), text.size());
    while (end + 1 < text.size() && text[end + 1] == ' ')
      end = std::min(text.find('\n', end + 1), text.size());
    const std::string field = text.substr(at, end - at);
    const std::size_t colon = field.find(':');
    vector.headers.emplace_back(field.substr(0, colon), field.substr(colon + 1));
    at = end + 1;
  }
  if (at < text.size()) vector.body = text.substr(at + 1);
}

Case ReadCase(const std::filesystem::path& folder) {
  Case vector{.name = folder.filename()};
  ReadRequest(ReadText(folder / "request.txt"), vector);
  const auto context = ParseJson(ReadText(folder / "context.json")).value();
  const auto truth = [&](std::string_view name) {
    const auto* member = FindMember(context, name);
    return member && member->is_bool() && member->get_bool();
  };
  vector.normalize = truth("normalize");
  vector.sign_body = truth("sign_body");
  vector.token_added_later = truth("omit_session_token");
  vector.token = StringMember(*FindMember(context, "credentials"), "token");
  vector.header_canonical = ReadText(folder / "header-canonical-request.txt");
  vector.header_string_to_sign = ReadText(folder / "header-string-to-sign.txt");
  vector.header_signature = ReadText(folder / "header-signature.txt");
  vector.query_canonical = ReadText(folder / "query-canonical-request.txt");
  vector.query_string_to_sign = ReadText(folder / "query-string-to-sign.txt");
  vector.query_signature = ReadText(folder / "query-signature.txt");
  return vector;
}

TEST(SigningCases, AllOfTheSharedFolder) {
  const char* shared = std::getenv("ENTREPOT_SHARED");
  const std::filesystem::path folder =
      std::filesystem::path(shared ? shared : ENTREPOT_SOURCE_DIR "/../shared") / "data/sigv4";
  if (!std::filesystem::is_directory(folder))
    GTEST_SKIP() << "reference material is absent: no signing cases at " << folder;
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (!entry.is_directory()) continue;
    SCOPED_TRACE(entry.path().filename());
    const Case vector = ReadCase(entry.path());
    CheckHeaderForm(vector);
    CheckQueryForm(vector);
    ++count;
  }
  EXPECT_EQ(count, 38);
}

}  // namespace
}  // namespace entrepot::sigv4
