#include "oci/door.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oci/test_door.h"

namespace entrepot::oci {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

// ---- the order of answers (design-access 16)

TEST_F(Door, AuthenticatesBeforeItReadsTheShape) {
  headers_.clear();
  for (const char* path : {"/v2/", "/v2/team/app/tags/list", "/v2/TEAM/tags/list", "/v2/no/route"}) {
    const Answer answer = Send(Method::kGet, path);
    EXPECT_EQ(answer.status, 401) << path;
    EXPECT_EQ(answer.Field("Www-Authenticate"),
              "Basic realm=\"http://localhost:5000/\",service=\"ecr.amazonaws.com\"");
  }
  EXPECT_TRUE(access_.asked.empty());
}

TEST_F(Door, RefusesAPathThatCanBeReadTwoWaysWhoeverAsks) {
  for (const bool known : {true, false}) {
    if (!known) headers_.clear();
    for (const char* path : {"/v2/a%2Fb/tags/list", "/v2/a%5cb/tags/list", "/v2/a/../tags/list",
                             "/v2//tags/list", "/v2/a%00/tags/list", "/v2/a%/tags/list"})
      for (const Method method : {Method::kGet, Method::kPut, Method::kDelete}) {
        const Answer answer = Send(method, path);
        EXPECT_EQ(answer.status, 400) << path;
        EXPECT_EQ(answer.Field("Www-Authenticate"), "") << path;
      }
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
      {Method::kHead, "/v2/team/app/tags/list", "", {"ecr:ListImages"}},
      {Method::kDelete, "/v2/team/app/blobs/" + digest, "", {"ecr:BatchDeleteImage"}},
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

// ListImageReferrers has no leave of its own, and a policy may deny it all the same (ecr-semantics 2.2).
TEST_F(Door, ReferrersNeedLeaveToPullAndHeedADenialByName) {
  const std::string path = "/v2/team/app/referrers/" + DigestOf("x");
  for (const Method method : {Method::kGet, Method::kHead}) {
    EXPECT_EQ(Send(method, path).status, 200);
    access_.denied = {"ecr:BatchGetImage " + arn_};
    EXPECT_EQ(Send(method, path).status, 403);
    access_.denied = {"ecr:ListImageReferrers " + arn_};
    EXPECT_EQ(Send(method, path).status, 200);
    access_.denied.clear();
    access_.denied_by_policy = {"ecr:ListImageReferrers " + arn_};
    EXPECT_EQ(Send(method, path).status, 403);
    access_.denied_by_policy.clear();
  }
}

// Nothing on the event loop knows of the switch but this: what is in memory is not pulled by a digest that
// ECR refuses.
TEST_F(Door, QuirksHoldOnTheInlinePathToo) {
  const std::string manifest = PushImage("v1", "layer");
  const std::string path =
      "/v2/team/app/manifests/" + Digest::Of(HashAlgorithm::kSha512, AsBytes(manifest)).ToString();
  ASSERT_EQ(Send(Method::kPut, path, manifest).status, 201);
  ASSERT_EQ(Send(Method::kGet, path).status, 200);
  ASSERT_TRUE(Send(Method::kGet, path).answered_inline);
  Rooms rooms = rooms_;
  rooms.ecr_quirks = true;
  OciDoor strict(rooms);
  http::RequestHead head;
  head.method = Method::kGet;
  head.path = path;
  head.host = host_;
  head.peer = &peer_;
  head.headers = headers_;
  http::Response response;
  EXPECT_FALSE(strict.TryAnswer(head, response));
  EXPECT_EQ(std::get<http::Response>(strict.Handle(head, "", false)).status, 400);
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
  EXPECT_EQ(Send(Method::kGet, "/v2/other/blobs/" + digest).status, 404);
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

TEST_F(Door, AnExpiredTokenLearnsNothing) {
  Expire(1s);
  const std::string turned_away = Send(Method::kGet, "/v2/").body;
  access_.denied = {"ecr:ListImages " + arn_};
  for (const char* path : {"/v2/team/app/tags/list", "/v2/not/here/tags/list", "/v2/TEAM/tags/list",
                           "/v2/nothing", "/v2/team/app/manifests/none"})
    EXPECT_EQ(Send(Method::kGet, path).body, turned_away) << path;
  EXPECT_EQ(Send(Method::kPost, "/v2/not/here/blobs/uploads/").body, turned_away);
  EXPECT_EQ(Send(Method::kPut, "/v2/not/here/manifests/v1", "{}").body, turned_away);
  EXPECT_EQ(Send(Method::kDelete, "/v2/").body, turned_away);
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
  OciDoor restarted(rooms_);
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

TEST_F(Door, AChunkInTheMidstOfAnUploadNeedsNoWorker) {
  const std::string chunk(100'000, 'a');
  const Answer first = Send(Method::kPatch, OpenUpload(), chunk);
  EXPECT_EQ(first.status, 202);
  EXPECT_FALSE(first.answered_inline) << "there is no file to go on with";
  const Answer second = Send(Method::kPatch, first.Field("Location"), chunk);
  EXPECT_EQ(second.status, 202);
  EXPECT_EQ(second.Field("Range"), "0-199999");
  EXPECT_TRUE(second.answered_inline);

  const auto takes_a_worker = [&](int status, const Answer& answer) {
    EXPECT_EQ(answer.status, status);
    EXPECT_FALSE(answer.answered_inline);
  };
  takes_a_worker(416, Send(Method::kPatch, first.Field("Location"), chunk));
  takes_a_worker(404, Send(Method::kPatch, second.Field("Location") + "x", chunk));
  access_.denied = {"ecr:UploadLayerPart " + arn_};
  takes_a_worker(403, Send(Method::kPatch, second.Field("Location"), chunk));
  access_.denied = {};
  clock_.Advance(1min);
  Expire(1s);
  const Answer late = Send(Method::kPatch, second.Field("Location"), chunk);
  takes_a_worker(202, late);
  takes_a_worker(
      201, Send(Method::kPut, late.Field("Location") + "&digest=" + DigestOf(chunk + chunk + chunk + chunk),
                chunk));
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
