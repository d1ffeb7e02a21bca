// The door over a real registry in a directory of its own, with an Access that does as the test says.

#include "oci/door.h"

#include <filesystem>
#include <stdlib.h>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "blobs/blob_store.h"
#include "blobs/file_layer.h"
#include "keys/key_ring.h"
#include "keys/root_key.h"
#include "metadata/store.h"
#include "oci/fake_access.h"

namespace entrepot::oci {
namespace {

using namespace std::chrono_literals;
using http::Method;
using testing::ElementsAre;

constexpr Timestamp kNow{1'700'000'000'000'000};

class ScratchDirectory {
 public:
  ScratchDirectory() {
    std::string name = std::filesystem::temp_directory_path() / "entrepot-oci-XXXXXX";
    path_ = mkdtemp(name.data());
  }
  ~ScratchDirectory() { std::filesystem::remove_all(path_); }
  std::string operator/(std::string_view name) const { return path_ + "/" + std::string(name); }

 private:
  std::string path_;
};

std::string DigestOf(std::string_view content) {
  return Digest::Of(HashAlgorithm::kSha256, AsBytes(content)).ToString();
}

struct Answer {
  int status = 0;
  std::string fields, body;
  std::optional<std::uint64_t> head_length;
  bool answered_inline = false;

  std::string Field(std::string_view name) const {
    const std::size_t at = ("\r\n" + fields).find("\r\n" + std::string(name) + ": ");
    if (at == std::string::npos) return "";
    const std::size_t begin = at + name.size() + 2;
    return fields.substr(begin, fields.find("\r\n", begin) - begin);
  }
};

class Door : public testing::Test {
 protected:
  /// Once as the connection does it: inline where that is possible, else by a worker, a body over the plan's
  /// limit as a stream.
  Answer Send(Method method, std::string_view target, std::string body = "", bool may_answer_inline = true) {
    http::RequestHead head;
    head.method = method;
    const std::size_t query = std::min(target.find('?'), target.size());
    head.path = target.substr(0, query);
    head.query = target.substr(std::min(query + 1, target.size()));
    head.target = target;
    head.host = host_;
    head.peer = &peer_;
    if (method == Method::kPut || method == Method::kPatch || method == Method::kPost)
      head.content_length = body.size();
    head.headers = headers_;

    http::Response response;
    if (may_answer_inline && !head.has_body() && door_.TryAnswer(head, response)) return Read(response, true);
    const http::BodyPlan plan = door_.PlanBody(head);
    const bool stream = body.size() > plan.buffer_up_to;
    if (stream && !plan.stream_beyond) return Read(door_.Refuse(head, http::Refusal::kBodyTooLarge), false);
    http::Reply reply = door_.Handle(head, stream ? "" : body, stream);
    if (auto* sink = std::get_if<std::unique_ptr<http::BodySink>>(&reply)) {
      Feed(**sink, body);
      return Read((*sink)->Finish(), false);
    }
    return Read(std::get<http::Response>(reply), false);
  }

  static void Feed(http::BodySink& sink, std::string_view body) {
    std::atomic<int> blocks = 0;
    while (!body.empty()) {
      const std::string_view part = body.substr(0, http::Block::kCapacity);
      body.remove_prefix(part.size());
      std::shared_ptr<std::uint8_t> memory(
          static_cast<std::uint8_t*>(std::aligned_alloc(4096, http::Block::kCapacity)),
          [&](std::uint8_t* bytes) {
            std::free(bytes);
            if (--blocks == 0) blocks.notify_all();
          });
      std::memcpy(memory.get(), part.data(), part.size());
      ++blocks;
      sink.Append(http::Block(std::move(memory), part.size()));
    }
    for (int left = blocks; left > 0; left = blocks) blocks.wait(left);
  }

  static Answer Read(const http::Response& response, bool answered_inline) {
    Answer answer{.status = response.status,
                  .fields = response.fields,
                  .body = "",
                  .head_length = response.head_length,
                  .answered_inline = answered_inline};
    if (const auto* text = std::get_if<std::string>(&response.body)) answer.body = *text;
    if (const auto* shared = std::get_if<http::SharedText>(&response.body)) answer.body = **shared;
    if (const auto* source = std::get_if<std::unique_ptr<http::BodySource>>(&response.body)) {
      answer.body.resize((*source)->length());
      const std::span all(reinterpret_cast<std::uint8_t*>(answer.body.data()), answer.body.size());
      EXPECT_EQ((*source)->Read(all), answer.body.size());
    }
    return answer;
  }

  std::string OpenUpload() { return Send(Method::kPost, "/v2/team/app/blobs/uploads/").Field("Location"); }

  std::string PushBlob(const std::string& content) {
    const Answer answer = Send(Method::kPut, OpenUpload() + "&digest=" + DigestOf(content), content);
    EXPECT_EQ(answer.status, 201) << answer.body;
    return DigestOf(content);
  }

  std::string PushImage(const std::string& tag, const std::string& layer) {
    const auto descriptor = [&](const char* type, const std::string& content) {
      return R"({"mediaType":")" + std::string(type) + R"(","digest":")" + PushBlob(content) +
             R"(","size":)" + std::to_string(content.size()) + "}";
    };
    const std::string manifest =
        R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":)" +
        descriptor("application/vnd.oci.image.config.v1+json", "{}") + R"(,"layers":[)" +
        descriptor("application/vnd.oci.image.layer.v1.tar", layer) + "]}";
    const Answer answer = Send(Method::kPut, "/v2/team/app/manifests/" + tag, manifest);
    EXPECT_EQ(answer.status, 201) << answer.body;
    return manifest;
  }

  void Expire(std::chrono::microseconds ago) {
    access_.expired = true;
    access_.expires_at = clock_.Now() - ago;
  }

  ScratchDirectory scratch_;
  ManualClock clock_{kNow};
  blobs::PosixFiles files_;
  std::unique_ptr<metadata::Store> store_ = metadata::OpenStore({.url = "sqlite:" + (scratch_ / "store.db"),
                                                                 .clock = &clock_,
                                                                 .on_broken = [] {},
                                                                 .sqlite_vfs = ""})
                                                .value();
  keys::RootKey root_key_ =
      keys::RootKey::Load(files_, scratch_ / "keys", keys::RootKeyPolicy::kMayCreate).value();
  keys::KeyRing keys_{root_key_, *store_, keys::FileEncryption::kServiceKey};
  std::unique_ptr<blobs::BlobStore> blobs_ =
      blobs::BlobStore::Open(files_, scratch_ / "blobs", store_->store_id(), store_->boot_epoch(),
                             blobs::RootPolicy::kMayCreate)
          .value();
  registry::Caches caches_{*store_, 1 << 20};
  registry::Repositories repositories_{*store_, keys_, caches_};
  registry::Grace grace_;
  registry::Images images_{*store_, caches_, grace_};
  registry::Referrers referrers_{*store_};
  registry::Layers layers_{*store_, *blobs_, keys_, caches_, grace_};
  ThreadPool workers_{"workers", 2, 64};
  ThreadPool body_pool_{"bodies", 2, 64};
  registry::Uploads uploads_{*store_, *blobs_, keys_, grace_, workers_, body_pool_, {}};
  FakeAccess access_;
  OciDoor door_{
      Rooms{access_, repositories_, images_, referrers_, layers_, uploads_, clock_, "registry.test"}};

  std::string host_ = "localhost:5000";
  http::Peer peer_{.address = "127.0.0.1", .tls_server_name = ""};
  std::vector<http::HeaderField> headers_ = {{"Authorization", "Basic fake"}};
  registry::RepositoryPtr repository_ =
      repositories_
          .Create(access_.registry,
                  {.name = RepositoryName::Trusted("team/app"), .tag_exclusions = {}, .tags = {}})
          .value();
  const std::string arn_ = "arn:aws:ecr:us-west-2:123456789012:repository/team/app";
};

// ---- the order of answers (design-access 16)

TEST_F(Door, AuthenticatesBeforeItReadsTheShape) {
  headers_.clear();
  for (const char* path :
       {"/v2/", "/v2/team/app/tags/list", "/v2/TEAM/tags/list", "/v2/no/route", "/v2/a%2Fb/tags/list"}) {
    const Answer answer = Send(Method::kGet, path);
    EXPECT_EQ(answer.status, 401) << path;
    EXPECT_EQ(answer.Field("Www-Authenticate"),
              "Basic realm=\"http://localhost:5000/\",service=\"ecr.amazonaws.com\"");
  }
  EXPECT_TRUE(access_.asked.empty());
}

TEST_F(Door, ReadsTheShapeBeforeItAuthorizes) {
  EXPECT_EQ(Send(Method::kGet, "/v2/TEAM/tags/list").status, 400);
  EXPECT_EQ(Send(Method::kGet, "/v2/team/app/tags/list?n=x").status, 400);
  EXPECT_EQ(Send(Method::kPut, "/v2/team/app/blobs/uploads/x?_state=y").status, 400);
  EXPECT_EQ(Send(Method::kDelete, "/v2/team/app/tags/list").status, 405);
  EXPECT_EQ(Send(Method::kGet, "/v2/nothing").status, 404);
  EXPECT_TRUE(access_.asked.empty());
}

TEST_F(Door, AuthorizesBeforeItLooks) {
  access_.denied = {"ecr:ListImages " + arn_,
                    "ecr:ListImages arn:aws:ecr:us-west-2:123456789012:repository/not/here"};
  EXPECT_EQ(Send(Method::kGet, "/v2/team/app/tags/list").status, 403);
  const Answer absent = Send(Method::kGet, "/v2/not/here/tags/list");
  EXPECT_EQ(absent.status, 403);
  EXPECT_EQ(absent.body,
            "{\"errors\":[{\"code\":\"DENIED\",\"message\":\"User: arn:aws:iam::123456789012:user/fake is "
            "not authorized to "
            "perform: ecr:ListImages on resource: arn:aws:ecr:us-west-2:123456789012:repository/not/here "
            "because no "
            "identity-based policy allows the ecr:ListImages action\"}]}\n");
}

TEST_F(Door, RefusesAHostItDoesNotBelieveWithoutAChallenge) {
  host_ = "Evil\" host";
  const Answer answer = Send(Method::kGet, "/v2/");
  EXPECT_EQ(answer.status, 400);
  EXPECT_EQ(answer.Field("Www-Authenticate"), "");
}

// ---- leave

TEST_F(Door, AsksForWhatEachRequestNeeds) {
  const std::string digest = PushBlob("content");
  const std::string location = OpenUpload();
  struct Case {
    Method method;
    std::string target, body;
    std::vector<std::string> actions;
  };
  const Case cases[] = {
      {Method::kGet, "/v2/", "", {}},
      {Method::kGet, "/v2/team/app/tags/list", "", {"ecr:ListImages"}},
      {Method::kGet, "/v2/team/app/manifests/x", "", {"ecr:BatchGetImage"}},
      {Method::kHead, "/v2/team/app/manifests/x", "", {"ecr:BatchGetImage"}},
      {Method::kPut, "/v2/team/app/manifests/x", "{}", {"ecr:PutImage"}},
      {Method::kDelete, "/v2/team/app/manifests/x", "", {"ecr:BatchDeleteImage"}},
      {Method::kHead, "/v2/team/app/blobs/" + digest, "", {"ecr:BatchCheckLayerAvailability"}},
      {Method::kGet, "/v2/team/app/blobs/" + digest, "", {"ecr:GetDownloadUrlForLayer"}},
      {Method::kPost, "/v2/team/app/blobs/uploads/", "", {"ecr:InitiateLayerUpload"}},
      {Method::kPost,
       "/v2/team/app/blobs/uploads/?digest=" + DigestOf("x"),
       "x",
       {"ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload"}},
      {Method::kGet, location, "", {"ecr:UploadLayerPart"}},
      {Method::kPatch, location, "abc", {"ecr:UploadLayerPart"}},
      {Method::kPut, location + "&digest=" + digest, "", {"ecr:CompleteLayerUpload"}},
      {Method::kPut, location + "&digest=" + digest, "x", {"ecr:CompleteLayerUpload", "ecr:UploadLayerPart"}},
      {Method::kDelete, location, "", {"ecr:UploadLayerPart"}},
  };
  for (const Case& one : cases) {
    access_.asked.clear();
    Send(one.method, one.target, one.body, /*may_answer_inline=*/false);
    std::vector<std::string> expected;
    for (const std::string& action : one.actions) expected.push_back(action + " " + arn_);
    EXPECT_EQ(access_.asked, expected) << one.target;
    for (const std::string& question : expected) {
      access_.denied = {question};
      EXPECT_EQ(Send(one.method, one.target, one.body).status, 403) << one.target << " without " << question;
    }
    access_.denied.clear();
  }
}

TEST_F(Door, ADeniedPullIsNotAnsweredInlineEither) {
  PushImage("v1", "layer");
  ASSERT_EQ(Send(Method::kGet, "/v2/team/app/manifests/v1").status, 200);
  ASSERT_TRUE(Send(Method::kGet, "/v2/team/app/manifests/v1").answered_inline);
  access_.denied = {"ecr:BatchGetImage " + arn_};
  EXPECT_EQ(Send(Method::kGet, "/v2/team/app/manifests/v1").status, 403);
}

TEST_F(Door, MountsOnlyFromWhereTheCallerMayRead) {
  const std::string digest = PushBlob("shared");
  ASSERT_TRUE(repositories_.Create(
      access_.registry, {.name = RepositoryName::Trusted("other"), .tag_exclusions = {}, .tags = {}}));
  const std::string target = "/v2/other/blobs/uploads/?mount=" + digest + "&from=team/app";
  access_.denied = {"ecr:GetDownloadUrlForLayer " + arn_};
  EXPECT_EQ(Send(Method::kPost, target).status, 202);  // as if it were not there
  EXPECT_EQ(Send(Method::kHead, "/v2/other/blobs/" + digest).status, 404);
  access_.denied.clear();
  EXPECT_EQ(Send(Method::kPost, target).status, 201);
  EXPECT_EQ(Send(Method::kHead, "/v2/other/blobs/" + digest).status, 200);
}

TEST_F(Door, AnUploadIsItsOpenersAlone) {
  const std::string location = OpenUpload();
  auto other = std::make_shared<access::Caller>(*access_.caller);
  other->unique_id = "AIDAOTHER";
  access_.caller = other;
  EXPECT_EQ(Send(Method::kPatch, location, "abc").status, 404);
  EXPECT_EQ(Send(Method::kGet, location).status, 404);
}

// ---- which registry (design.md 1.3)

TEST_F(Door, TheHostNamesTheRegistryElseTheToken) {
  const RegistryName frankfurt{access_.registry.account, Region::Trusted("eu-central-1")};
  ASSERT_TRUE(repositories_.Create(
      frankfurt, {.name = RepositoryName::Trusted("only/there"), .tag_exclusions = {}, .tags = {}}));
  EXPECT_EQ(Send(Method::kGet, "/v2/only/there/tags/list").status, 404);
  host_ = "123456789012.dkr.ecr.eu-central-1.registry.test:5000";
  EXPECT_EQ(Send(Method::kGet, "/v2/only/there/tags/list").status, 200);
  EXPECT_EQ(access_.asked.back(),
            "ecr:ListImages arn:aws:ecr:eu-central-1:123456789012:repository/only/there");
  EXPECT_EQ(Send(Method::kGet, "/v2/team/app/tags/list").status, 404);
  host_ = "localhost";
  access_.registry = frankfurt;
  EXPECT_EQ(Send(Method::kGet, "/v2/only/there/tags/list").status, 200);
}

// ---- expiry (design-access 3)

TEST_F(Door, AnExpiredTokenIsTurnedAway) {
  PushImage("v1", "layer");
  Send(Method::kGet, "/v2/team/app/manifests/v1");
  Expire(1s);
  for (const char* path : {"/v2/", "/v2/team/app/manifests/v1", "/v2/team/app/tags/list", "/v2/_catalog"}) {
    const Answer answer = Send(Method::kGet, path);
    EXPECT_EQ(answer.status, 403) << path;
    EXPECT_EQ(answer.body,
              "{\"errors\":[{\"code\":\"DENIED\",\"message\":\"Your authorization token has expired. "
              "Reauthenticate and "
              "try again.\"}]}\n");
  }
}

TEST_F(Door, APushThatBeganBeforeItsTokensEndMayEnd) {
  const std::string location = OpenUpload();
  clock_.Advance(10min);
  Expire(1s);
  EXPECT_EQ(Send(Method::kGet, location).status, 204);
  const Answer patched = Send(Method::kPatch, location, "{}");
  EXPECT_EQ(patched.status, 202);
  EXPECT_EQ(Send(Method::kPut, patched.Field("Location") + "&digest=" + DigestOf("{}")).status, 201);
  PushImage("v1", "another layer");  // further uploads of the push, and its manifest
  EXPECT_EQ(Send(Method::kGet, "/v2/team/app/manifests/v1").status, 403);
  EXPECT_EQ(Send(Method::kHead, "/v2/team/app/blobs/" + DigestOf("{}")).status, 403);
  EXPECT_EQ(Send(Method::kDelete, "/v2/team/app/manifests/v1").status, 403);
}

TEST_F(Door, ThePushEndsAnHourBehindItsToken) {
  const std::string location = OpenUpload();
  clock_.Advance(2h);
  Expire(1h);
  EXPECT_EQ(Send(Method::kGet, location).status, 204);
  Expire(1h + 1s);
  EXPECT_EQ(Send(Method::kGet, location).status, 403);
  EXPECT_EQ(Send(Method::kPut, "/v2/team/app/manifests/v1", "{}").status, 403);
}

TEST_F(Door, APushThatBeganElsewhereCountsNot) {
  ASSERT_TRUE(repositories_.Create(
      access_.registry, {.name = RepositoryName::Trusted("other"), .tag_exclusions = {}, .tags = {}}));
  OpenUpload();
  clock_.Advance(1min);
  Expire(1s);
  EXPECT_EQ(Send(Method::kPost, "/v2/other/blobs/uploads/").status, 403);
  EXPECT_EQ(Send(Method::kPost, "/v2/team/app/blobs/uploads/").status, 202);
  auto other = std::make_shared<access::Caller>(*access_.caller);
  other->unique_id = "AIDAOTHER";
  access_.caller = other;
  EXPECT_EQ(Send(Method::kPost, "/v2/team/app/blobs/uploads/").status, 403);
}

// A restart forgets who pushed; the Location remembers.
TEST_F(Door, TheLocationAloneProvesAPush) {
  const std::string location = OpenUpload();
  clock_.Advance(1min);
  Expire(1s);
  OciDoor restarted(Rooms{access_, repositories_, images_, layers_, uploads_, clock_, "registry.test"});
  http::RequestHead head;
  head.method = Method::kGet;
  const std::size_t query = location.find('?');
  head.path = std::string_view(location).substr(0, query);
  head.query = std::string_view(location).substr(query + 1);
  head.host = host_;
  head.headers = headers_;
  EXPECT_EQ(std::get<http::Response>(restarted.Handle(head, "", false)).status, 204);
}

TEST_F(Door, RevocationAndPolicyStillApplyToAPush) {
  const std::string location = OpenUpload();
  clock_.Advance(1min);
  Expire(1s);
  access_.denied = {"ecr:UploadLayerPart " + arn_};
  EXPECT_EQ(Send(Method::kPatch, location, "x").status, 403);
  access_.denied.clear();
  access_.authentication_error = Error(ErrorCode::kRegistryTokenInvalid);
  EXPECT_EQ(Send(Method::kPatch, location, "x").status, 401);
}

// ---- inline

TEST_F(Door, TheInlineAnswerIsTheWorkersByteForByte) {
  const std::string manifest = PushImage("v1", std::string(200'000, 'l'));
  const std::string layer = DigestOf(std::string(200'000, 'l'));
  for (const std::string& path : {std::string("/v2/"), std::string("/v2/team/app/manifests/v1"),
                                  "/v2/team/app/manifests/" + DigestOf(manifest),
                                  "/v2/team/app/blobs/" + layer, "/v2/team/app/blobs/" + DigestOf("{}")}) {
    for (const Method method : {Method::kGet, Method::kHead}) {
      Send(method, path);  // fills what memory may know
      Send(Method::kGet, path);
      const Answer quick = Send(method, path);
      const Answer slow = Send(method, path, "", /*may_answer_inline=*/false);
      EXPECT_TRUE(quick.answered_inline) << path;
      EXPECT_EQ(quick.status, 200) << path;
      EXPECT_EQ(quick.status, slow.status) << path;
      EXPECT_EQ(quick.fields, slow.fields) << path;
      EXPECT_EQ(quick.body, slow.body) << path;
      EXPECT_EQ(quick.head_length, slow.head_length) << path;
    }
  }
}

TEST_F(Door, NothingButAPlainPullIsAnsweredInline) {
  PushImage("v1", "layer");
  const std::string digest = DigestOf("layer");
  Send(Method::kGet, "/v2/team/app/manifests/v1");
  Send(Method::kGet, "/v2/team/app/blobs/" + digest);
  for (const char* path :
       {"/v2/team/app/manifests/missing", "/v2/team/app/tags/list", "/v2/_catalog",
        "/v2/team/app/manifests/%761", "/v2/missing/manifests/v1", "/v2/TEAM/manifests/v1"})
    EXPECT_FALSE(Send(Method::kGet, path).answered_inline) << path;
  EXPECT_FALSE(Send(Method::kDelete, "/v2/team/app/manifests/missing").answered_inline);
}

TEST_F(Door, AnUnreferencedLayerIsNotSaidToExistFromMemory) {
  const std::string digest = PushBlob("nobody refers to this");
  Send(Method::kGet, "/v2/team/app/blobs/" + digest);
  Send(Method::kHead, "/v2/team/app/blobs/" + digest);
  EXPECT_FALSE(Send(Method::kHead, "/v2/team/app/blobs/" + digest).answered_inline);
}

// ---- bodies

TEST_F(Door, ALargeLayerStreams) {
  std::string content(3 << 20, '\0');
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 31 >> 7);
  EXPECT_EQ(Send(Method::kPost, "/v2/team/app/blobs/uploads/?digest=" + DigestOf(content), content).status,
            201);
  EXPECT_EQ(Send(Method::kGet, "/v2/team/app/blobs/" + DigestOf(content)).body, content);
  const Answer wrong = Send(Method::kPut, OpenUpload() + "&digest=" + DigestOf("other"), content);
  EXPECT_EQ(wrong.status, 400);
  EXPECT_EQ(wrong.Field("X-Content-Type-Options"), "nosniff");  // finished like any other answer
}

TEST_F(Door, PlansNoMemoryForTheUnauthenticated) {
  http::RequestHead head;
  head.method = Method::kPut;
  head.path = "/v2/team/app/manifests/v1";
  EXPECT_EQ(door_.PlanBody(head).buffer_up_to, 0u);
  EXPECT_TRUE(door_.PlanBody(head).stream_beyond);
  head.headers = headers_;
  EXPECT_EQ(door_.PlanBody(head).buffer_up_to, registry::kMaxManifestBytes);
  EXPECT_FALSE(door_.PlanBody(head).stream_beyond);
}

TEST_F(Door, AManifestThatIsTooLargeIsRefusedUnread) {
  const Answer answer =
      Send(Method::kPut, "/v2/team/app/manifests/v1", std::string(registry::kMaxManifestBytes + 1, ' '));
  EXPECT_EQ(answer.status, 413);
  EXPECT_NE(answer.body.find("SIZE_INVALID"), std::string::npos);
  EXPECT_EQ(answer.Field("Docker-Distribution-Api-Version"), "registry/2.0");
}

TEST_F(Door, BusyAndDrainingSayWhenToComeAgain) {
  http::RequestHead head;
  head.method = Method::kGet;
  head.path = "/v2/";
  for (const auto why : {http::Refusal::kBusy, http::Refusal::kDraining}) {
    const Answer answer = Read(door_.Refuse(head, why), false);
    EXPECT_EQ(answer.status, 503);
    EXPECT_EQ(answer.Field("Retry-After"), "1");
  }
}

// ---- counted

TEST_F(Door, CountsEveryAnswer) {
  const auto count = [&](std::string_view name, std::size_t status_class) {
    for (std::size_t i = 0; i < kOperationCount; ++i)
      if (Operations()[i].name == name) return door_.counters()[i].by_status_class[status_class].load();
    return std::uint64_t(0);
  };
  PushImage("v1", "layer");
  EXPECT_EQ(count("OpenUpload", 1), 2u);
  EXPECT_EQ(count("PutManifest", 1), 1u);
  for (int i = 0; i < 3; ++i) Send(Method::kGet, "/v2/team/app/manifests/v1");
  EXPECT_EQ(count("GetManifest", 1), 3u);
  Send(Method::kGet, "/v2/team/app/manifests/missing");
  EXPECT_EQ(count("GetManifest", 3), 1u);
  Send(Method::kGet, "/v2/nothing");
  EXPECT_EQ(door_.counters()[kOperationCount].by_status_class[3].load(), 1u);
}

}  // namespace
}  // namespace entrepot::oci
