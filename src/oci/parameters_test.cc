#include "oci/parameters.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace entrepot::oci {
namespace {

const std::string kDigest = "sha256:" + std::string(64, 'b');

struct Request {
  explicit Request(http::Method method, std::string path, std::string text = "") : query(std::move(text)) {
    head.method = method;
    head.query = query;
    route = *ParseRoute(path);
  }
  Request& With(std::string_view name, std::string_view value) {
    fields.push_back({name, value});
    head.headers = fields;
    return *this;
  }
  Request& Length(std::uint64_t length) { return head.content_length = length, *this; }
  Result<Parameters> Read() const { return ReadParameters(route, head); }

  std::string query;
  std::vector<http::HeaderField> fields;
  http::RequestHead head;
  Route route;
};

ErrorCode CodeOf(const Result<Parameters>& result) {
  return result ? ErrorCode::kInternal : result.error().code();
}

TEST(Parameters, OfAnUpload) {
  const auto read = Request(http::Method::kPut, "/v2/app/blobs/uploads/1", "_state=abc&digest=" + kDigest)
                        .With("Content-Range", "10-19")
                        .Length(10)
                        .Read();
  ASSERT_TRUE(read);
  EXPECT_EQ(read->state, "abc");
  EXPECT_EQ(read->digest->ToString(), kDigest);
  EXPECT_EQ(read->content_range, (http::ByteRange{10, 19}));
}

TEST(Parameters, AnUploadIsClosedByADigest) {
  EXPECT_EQ(CodeOf(Request(http::Method::kPut, "/v2/app/blobs/uploads/1").Read()), ErrorCode::kDigestInvalid);
  EXPECT_EQ(CodeOf(Request(http::Method::kPut, "/v2/app/blobs/uploads/1", "digest=sha256:1").Read()),
            ErrorCode::kDigestInvalid);
  EXPECT_EQ(CodeOf(Request(http::Method::kPut, "/v2/app/blobs/uploads/1", "digest=%zz").Read()),
            ErrorCode::kDigestInvalid);
  EXPECT_TRUE(Request(http::Method::kPatch, "/v2/app/blobs/uploads/1").Read());
}

TEST(Parameters, AContentRangeFitsTheBody) {
  const auto patch = [](std::string_view range, std::uint64_t length) {
    return CodeOf(Request(http::Method::kPatch, "/v2/app/blobs/uploads/1")
                      .With("Content-Range", range)
                      .Length(length)
                      .Read());
  };
  EXPECT_EQ(patch("0-9", 11), ErrorCode::kUploadRangeInvalid);
  EXPECT_EQ(patch("0-9", 0), ErrorCode::kUploadRangeInvalid);
  EXPECT_EQ(patch("9-0", 10), ErrorCode::kUploadRangeInvalid);
  EXPECT_EQ(patch("", 10), ErrorCode::kUploadRangeInvalid);
  EXPECT_EQ(patch("x-y", 10), ErrorCode::kUploadRangeInvalid);
  Request chunked(http::Method::kPatch, "/v2/app/blobs/uploads/1");
  chunked.With("Content-Range", "5-9").head.chunked = true;
  EXPECT_EQ(chunked.Read()->content_range->first, 5u);
}

TEST(Parameters, AMountNamesALayerAndPerhapsASource) {
  const auto good =
      Request(http::Method::kPost, "/v2/app/blobs/uploads/", "mount=" + kDigest + "&from=team%2Fbase").Read();
  EXPECT_EQ(good->mount->ToString(), kDigest);
  EXPECT_EQ(good->from->str(), "team/base");
  const auto foreign =
      Request(http::Method::kPost, "/v2/app/blobs/uploads/", "mount=" + kDigest + "&from=Library/X").Read();
  EXPECT_FALSE(foreign->from);  // a name that cannot be here is like one that is not
  EXPECT_EQ(CodeOf(Request(http::Method::kPost, "/v2/app/blobs/uploads/", "mount=nonsense&from=app").Read()),
            ErrorCode::kDigestInvalid);
}

TEST(Parameters, OfAList) {
  const auto limit = [](std::string query) {
    return Request(http::Method::kGet, "/v2/app/tags/list", query).Read();
  };
  EXPECT_EQ(limit("")->limit, kMaxPage);
  EXPECT_EQ(limit("n=0")->limit, 0);
  EXPECT_EQ(limit("n=7&last=v1%2B")->last, "v1+");
  EXPECT_EQ(limit("n=100000")->limit, kMaxPage);
  EXPECT_EQ(limit("n=99999999999999999999")->limit, kMaxPage);
  for (const char* bad : {"n=-1", "n=", "n=x", "n=1x", "n=-99999999999999999999", "n=%20"})
    EXPECT_EQ(CodeOf(limit(bad)), ErrorCode::kInvalidParameter) << bad;
}

// `/v2/` reads the API's longer tags but makes only OCI's.
TEST(Parameters, ANewTagIsAnOciTag) {
  const std::string long_tag = "/v2/app/manifests/" + std::string(129, 't');
  EXPECT_EQ(CodeOf(Request(http::Method::kPut, long_tag).Read()), ErrorCode::kInvalidParameter);
  EXPECT_EQ(CodeOf(Request(http::Method::kPut, "/v2/app/manifests/.hidden").Read()),
            ErrorCode::kInvalidParameter);
  EXPECT_TRUE(Request(http::Method::kGet, long_tag).Read());
  EXPECT_TRUE(Request(http::Method::kPut, "/v2/app/manifests/" + std::string(128, 't')).Read());
}

// ---- what version 1.1 of the specification added

TEST(Parameters, TagsMayComeBesideADigest) {
  const auto read =
      Request(http::Method::kPut, "/v2/app/manifests/" + kDigest, "tag=1&x=y&tag=1.2&tag=lat%65st").Read();
  ASSERT_TRUE(read);
  ASSERT_EQ(read->tags.size(), 3u);
  EXPECT_EQ(read->tags[0].str() + " " + read->tags[1].str() + " " + read->tags[2].str(), "1 1.2 latest");
  EXPECT_TRUE(Request(http::Method::kPut, "/v2/app/manifests/v1", "tag=2").Read()->tags.empty());
  EXPECT_TRUE(Request(http::Method::kGet, "/v2/app/manifests/" + kDigest, "tag=2").Read()->tags.empty());
  for (const std::string& bad :
       {std::string("tag="), std::string("tag=a&tag=.b"), "tag=" + std::string(129, 'x')})
    EXPECT_EQ(CodeOf(Request(http::Method::kPut, "/v2/app/manifests/" + kDigest, bad).Read()),
              ErrorCode::kInvalidParameter)
        << bad;
}

TEST(Parameters, OfReferrers) {
  const std::string path = "/v2/app/referrers/" + kDigest;
  const auto read =
      Request(http::Method::kGet, path, "artifactType=a%2Fb&n=7&artifactType=c&last=" + kDigest).Read();
  ASSERT_TRUE(read);
  EXPECT_EQ(read->artifact_types, (std::vector<std::string>{"a/b", "c"}));
  EXPECT_EQ(read->limit, 7);
  EXPECT_EQ(read->last, kDigest);
  EXPECT_TRUE(Request(http::Method::kGet, path).Read()->artifact_types.empty());
  EXPECT_EQ(CodeOf(Request(http::Method::kGet, path, "last=x").Read()), ErrorCode::kInvalidPageToken);
}

TEST(Parameters, APlaceInAListIsOfPrintableText) {
  for (const char* last : {"last=%00", "last=a%00", "last=%FF", "last=%C3%A4", "last=%7F"})
    EXPECT_EQ(CodeOf(Request(http::Method::kGet, "/v2/app/tags/list", last).Read()),
              ErrorCode::kInvalidPageToken)
        << last;
}

TEST(Parameters, TheAlgorithmOfTheDigestToCome) {
  const auto read = [](std::string query) {
    return Request(http::Method::kPost, "/v2/app/blobs/uploads/", query).Read();
  };
  EXPECT_EQ(read("")->algorithm, HashAlgorithm::kSha256);
  EXPECT_EQ(read("digest-algorithm=sha256")->algorithm, HashAlgorithm::kSha256);
  EXPECT_EQ(read("digest-algorithm=sha512")->algorithm, HashAlgorithm::kSha512);
  for (const char* bad : {"digest-algorithm=", "digest-algorithm=md5", "digest-algorithm=SHA512"})
    EXPECT_EQ(CodeOf(read(bad)), ErrorCode::kDigestInvalid) << bad;
}

TEST(Parameters, AMountFromWhatIsNoNameIsNone) {
  const auto read = [](std::string query) {
    return Request(http::Method::kPost, "/v2/app/blobs/uploads/", query).Read();
  };
  EXPECT_TRUE(read("mount=" + kDigest)->mount);
  EXPECT_TRUE(read("from=other&mount=" + kDigest)->from);
  EXPECT_FALSE(read("from=Not/A.Name!&mount=" + kDigest)->mount);
}

TEST(Parameters, EcrKnowsSha256Alone) {
  const std::string sha512 = "sha512:" + std::string(128, 'b');
  const auto check = [](http::Method method, const std::string& path, const std::string& query) {
    const Request request(method, path, query);
    return RequireSha256(request.route, *request.Read()).has_value();
  };
  for (const std::string& digest : {kDigest, sha512}) {
    const bool good = digest == kDigest;
    EXPECT_EQ(check(http::Method::kGet, "/v2/app/blobs/" + digest, ""), good);
    EXPECT_EQ(check(http::Method::kPut, "/v2/app/manifests/" + digest, ""), good);
    EXPECT_EQ(check(http::Method::kPost, "/v2/app/blobs/uploads/", "digest=" + digest), good);
    EXPECT_EQ(check(http::Method::kPost, "/v2/app/blobs/uploads/", "mount=" + digest), good);
    EXPECT_EQ(check(http::Method::kPut, "/v2/app/blobs/uploads/1", "digest=" + digest), good);
  }
  EXPECT_FALSE(check(http::Method::kPost, "/v2/app/blobs/uploads/", "digest-algorithm=sha512"));
  EXPECT_TRUE(check(http::Method::kGet, "/v2/app/manifests/v1", ""));
}

}  // namespace
}  // namespace entrepot::oci
