#include "oci/answers.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace entrepot::oci {
namespace {

const Digest kDigest = Digest::Of(HashAlgorithm::kSha256, AsBytes("layer"));

struct Pull {
  explicit Pull(http::Method method, std::string text = "") : path(std::move(text)) {
    head.method = method;
    head.path = path;
  }
  Pull& With(std::string_view name, std::string_view value) {
    fields.push_back({name, value});
    head.headers = fields;
    return *this;
  }
  BlobAnswer Blob(std::uint64_t size) const {
    auto answer = AnswerForBlob(head, kDigest, size);
    EXPECT_TRUE(answer);
    Complete(head, answer->response);
    return *std::move(answer);
  }
  std::string path;
  std::vector<http::HeaderField> fields;
  http::RequestHead head;
};

std::string Field(const http::Response& response, std::string_view name) {
  const std::size_t at = ("\r\n" + response.fields).find("\r\n" + std::string(name) + ": ");
  if (at == std::string::npos) return "<none>";
  const std::size_t begin = at + name.size() + 2;
  return response.fields.substr(begin, response.fields.find("\r\n", begin) - begin);
}

TEST(Answers, EveryAnswerIsFencedFromTheOrigin) {
  http::Response response = VersionAnswer();
  Complete(Pull(http::Method::kGet).head, response);
  EXPECT_EQ(Field(response, "Docker-Distribution-Api-Version"), "registry/2.0");
  EXPECT_EQ(Field(response, "X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(Field(response, "Content-Security-Policy"), "sandbox; default-src 'none'");
  EXPECT_EQ(Field(response, "Content-Disposition"), "attachment");
}

TEST(Answers, ABlobWhole) {
  const BlobAnswer answer = Pull(http::Method::kGet).Blob(100);
  EXPECT_EQ(answer.response.status, 200);
  EXPECT_EQ(answer.body->offset, 0u);
  EXPECT_EQ(answer.body->length, 100u);
  EXPECT_EQ(Field(answer.response, "Content-Type"), "application/octet-stream");
  EXPECT_EQ(Field(answer.response, "Docker-Content-Digest"), kDigest.ToString());
  EXPECT_EQ(Field(answer.response, "ETag"), '"' + kDigest.ToString() + '"');
  EXPECT_EQ(Field(answer.response, "Accept-Ranges"), "bytes");
  EXPECT_EQ(Field(answer.response, "Content-Range"), "<none>");
}

TEST(Answers, AnEmptyBlobHasNoBody) {
  EXPECT_FALSE(Pull(http::Method::kGet).Blob(0).body);
  EXPECT_EQ(Pull(http::Method::kHead).Blob(0).response.head_length, 0u);
}

TEST(Answers, HeadHasTheLengthAlone) {
  const BlobAnswer answer = Pull(http::Method::kHead).With("Range", "bytes=0-1").Blob(100);
  EXPECT_EQ(answer.response.status, 200);
  EXPECT_FALSE(answer.body);
  EXPECT_EQ(answer.response.head_length, 100u);
}

TEST(Answers, APartOfABlob) {
  const BlobAnswer answer = Pull(http::Method::kGet).With("Range", "bytes=10-19").Blob(100);
  EXPECT_EQ(answer.response.status, 206);
  EXPECT_EQ(Field(answer.response, "Content-Range"), "bytes 10-19/100");
  EXPECT_EQ(answer.body->offset, 10u);
  EXPECT_EQ(answer.body->length, 10u);
}

TEST(Answers, ARangeBeyondTheEnd) {
  const Result<BlobAnswer> answer =
      AnswerForBlob(Pull(http::Method::kGet).With("Range", "bytes=100-").head, kDigest, 100);

  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), ErrorCode::kRangeNotSatisfiable);
  EXPECT_EQ(answer.error().fact("size"), "100");
}

TEST(Answers, IfRangeOfOtherContentMakesItWhole) {
  const BlobAnswer other =
      Pull(http::Method::kGet).With("Range", "bytes=0-1").With("If-Range", "\"x\"").Blob(100);
  EXPECT_EQ(other.response.status, 200);
  const std::string etag = '"' + kDigest.ToString() + '"';
  const BlobAnswer same =
      Pull(http::Method::kGet).With("Range", "bytes=0-1").With("If-Range", etag).Blob(100);
  EXPECT_EQ(same.response.status, 206);
}

TEST(Answers, UnchangedContentIsNotSentAgain) {
  const std::string etag = '"' + kDigest.ToString() + '"';
  for (const std::string& field : {etag, "W/" + etag, "\"x\" , " + etag, std::string("*")}) {
    const BlobAnswer answer = Pull(http::Method::kGet).With("If-None-Match", field).Blob(100);
    EXPECT_EQ(answer.response.status, 304) << field;
    EXPECT_FALSE(answer.body) << field;
  }
  EXPECT_EQ(Pull(http::Method::kGet).With("If-None-Match", "\"x\"").Blob(100).response.status, 200);
}

// RFC 9110 13.2.2: If-Match comes first and compares strongly, then If-None-Match, then Range.
TEST(Answers, PreconditionsAreEvaluatedInTheirOrder) {
  const std::string etag = '"' + kDigest.ToString() + '"', other = "\"x\"";
  struct Case {
    std::vector<http::HeaderField> fields;
    int status;
  };
  const std::string weak = "W/" + etag, list = other + " , " + etag;
  for (const Case& one :
       {Case{{{"If-Match", etag}}, 200}, Case{{{"If-Match", "*"}}, 200}, Case{{{"If-Match", list}}, 200},
        Case{{{"If-Match", other}, {"If-Match", etag}}, 200}, Case{{{"If-Match", other}}, 412},
        Case{{{"If-Match", weak}}, 412}, Case{{{"If-Match", ""}}, 412},
        Case{{{"If-Match", etag}, {"If-None-Match", etag}}, 304},
        Case{{{"If-Match", other}, {"If-None-Match", etag}}, 412},
        Case{{{"If-None-Match", other}, {"If-None-Match", etag}}, 304},
        Case{{{"If-Match", other}, {"Range", "bytes=0-1"}}, 412},
        Case{{{"If-Match", other}, {"Range", "bytes=100-"}}, 412},
        Case{{{"If-None-Match", etag}, {"Range", "bytes=0-1"}}, 304},
        Case{{{"If-Match", etag}, {"Range", "bytes=0-1"}}, 206},
        Case{{{"If-Match", etag}, {"Range", "bytes=0-1"}, {"If-Range", other}}, 200},
        Case{{{"If-Range", weak}, {"Range", "bytes=0-1"}}, 200},
        Case{{{"If-Unmodified-Since", "Thu, 01 Jan 1970 00:00:00 GMT"}}, 200}}) {
    Pull pull(http::Method::kGet);
    std::string shown;
    for (const http::HeaderField& field : one.fields) {
      pull.With(field.name, field.value);
      shown.append(field.name).append(": ").append(field.value).append("; ");
    }
    const BlobAnswer answer = pull.Blob(100);
    EXPECT_EQ(answer.response.status, one.status) << shown;
    EXPECT_EQ(answer.body.has_value(), one.status < 300) << shown;
    EXPECT_EQ(Field(answer.response, "ETag"), etag) << shown;
  }
}

TEST(Answers, AChangeIsAskedWhatItWouldMeet) {
  const std::string etag = '"' + kDigest.ToString() + '"', weak = "W/" + etag;
  EXPECT_FALSE(ConditionOf(Pull(http::Method::kPut).With("If-Range", etag).head));
  struct Case {
    std::vector<http::HeaderField> fields;
    bool of_it, of_nothing;
  };
  for (const Case& one :
       {Case{{{"If-None-Match", "*"}}, false, true}, Case{{{"If-None-Match", weak}}, false, true},
        Case{{{"If-None-Match", "\"x\""}}, true, true}, Case{{{"if-match", "*"}}, true, false},
        Case{{{"If-Match", etag}}, true, false}, Case{{{"If-Match", weak}}, false, false},
        Case{{{"If-Match", ""}}, false, false},
        Case{{{"If-Match", etag}, {"If-None-Match", "*"}}, false, false}}) {
    Pull change(http::Method::kPut);
    for (const http::HeaderField& field : one.fields) change.With(field.name, field.value);
    const registry::ImageCondition condition = ConditionOf(change.head);
    EXPECT_EQ(condition(kDigest), one.of_it) << one.fields[0].name << one.fields[0].value;
    EXPECT_EQ(condition(std::nullopt), one.of_nothing) << one.fields[0].name << one.fields[0].value;
  }
}

TEST(Answers, AFailedPreconditionIsNothingToKeep) {
  const auto content = std::make_shared<const std::string>("{}");
  const registry::StoredManifest manifest(kDigest, "application/vnd.oci.image.manifest.v1+json", content);
  for (const http::Method method : {http::Method::kGet, http::Method::kHead}) {
    Pull pull(method, "/v2/app/manifests/" + kDigest.ToString());
    pull.With("If-Match", "\"x\"");
    const http::Response of_manifest = ManifestAnswer(pull.head, manifest);
    const BlobAnswer of_blob = pull.Blob(100);
    for (const http::Response* answer : {&of_manifest, &of_blob.response}) {
      EXPECT_EQ(answer->status, 412);
      EXPECT_EQ(Field(*answer, "Cache-Control"), "<none>");
      EXPECT_TRUE(std::holds_alternative<std::monostate>(answer->body));
    }
    EXPECT_FALSE(IsPull(pull.head, of_manifest));
  }
}

TEST(Answers, AManifestByDigestMayBeKept) {
  const auto content = std::make_shared<const std::string>("{}");
  const registry::StoredManifest manifest(kDigest, "application/vnd.oci.image.manifest.v1+json", content);
  const http::Response by_digest =
      ManifestAnswer(Pull(http::Method::kGet, "/v2/app/manifests/" + kDigest.ToString()).head, manifest);
  EXPECT_EQ(Field(by_digest, "Content-Type"), "application/vnd.oci.image.manifest.v1+json");
  EXPECT_EQ(std::get<http::SharedText>(by_digest.body), content);
  EXPECT_NE(Field(by_digest, "Cache-Control").find("immutable"), std::string::npos);
  const Pull by_tag(http::Method::kHead, "/v2/app/manifests/v1");
  http::Response answer = ManifestAnswer(by_tag.head, manifest);
  Complete(by_tag.head, answer);
  EXPECT_EQ(Field(answer, "Cache-Control"), "private, no-cache");
  EXPECT_EQ(answer.head_length, 2u);
  EXPECT_TRUE(std::holds_alternative<std::monostate>(answer.body));
}

}  // namespace
}  // namespace entrepot::oci
