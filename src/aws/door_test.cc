#include "aws/door.h"

#include <gtest/gtest.h>

#include "aws/sample_model.h"
#include "base/ids.h"
#include "http/handler.h"

namespace entrepot::aws {
namespace {

using sample::PutThingRequest;
using sample::PutThingResponse;

/// Lets in whoever sends "Authorization: good", and writes down what it is asked.
class FakeAccess final : public access::Access {
 public:
  Result<access::SignedCaller> AuthenticateSigned(const http::RequestHead& head, std::string_view body,
                                                  const access::SignatureScope& scope) override {
    steps.push_back("authenticate " + std::string(scope.service) + (scope.query_form ? " by query" : ""));
    authenticated_body = body;
    if (!scope.query_form && head.Header("Authorization").empty())
      return Fail(ErrorCode::kMissingAuthentication);
    if (!scope.query_form && head.Header("Authorization") == "bad")
      return Fail(ErrorCode::kSignatureMismatch);
    return access::SignedCaller{caller, Region::Trusted("us-west-2")};
  }
  Result<> CheckClaim(const http::RequestHead& head, const access::SignatureScope& scope) override {
    steps.push_back("check claim of " + std::string(scope.service));
    return head.Header("Authorization") == "unknown" ? Result<>(Fail(ErrorCode::kUnknownAccessKey))
                                                     : Result<>();
  }
  Result<> Authorize(const access::Caller& who, std::string_view action, std::string_view resource,
                     const access::RequestFacts& facts) override {
    steps.push_back("authorize " + std::string(action) + " on " + std::string(resource));
    for (const auto& [key, value] : facts.keys) steps.push_back("with " + key + "=" + value);
    if (resource != denied) return {};
    return Fail(Error(ErrorCode::kAccessDenied)
                    .With("principal", who.arn)
                    .With("action", std::string(action))
                    .With("resource", std::string(resource))
                    .With("reason",
                          "because no identity-based policy allows the " + std::string(action) + " action"));
  }

  Result<access::RegistryCaller> AuthenticateRegistry(const http::RequestHead&) override { return Unasked(); }
  std::shared_ptr<const access::RegistryCaller> TryAuthenticateRegistry(const http::RequestHead&) override {
    return nullptr;
  }
  bool IsCurrent(std::string_view, std::string_view) override { return true; }
  Result<access::RegistryToken> IssueRegistryToken(const access::Caller&, const RegistryName&) override {
    return Unasked();
  }
  Result<> AuthorizeUnder(const access::PolicyDocument&, const access::Caller&, std::string_view,
                          std::string_view, const access::RequestFacts&) override {
    return Unasked();
  }
  std::optional<bool> TryAuthorize(const access::Caller&, std::string_view, std::string_view,
                                   const http::RequestHead&) override {
    return std::nullopt;
  }
  std::string Seal(std::string_view, std::string_view) override { return {}; }
  std::optional<std::string> TryOpen(std::string_view, std::string_view) override { return std::nullopt; }
  std::optional<std::string> Open(std::string_view, std::string_view) override { return std::nullopt; }

  static std::unexpected<Error> Unasked() {
    ADD_FAILURE() << "the AWS door does not ask this";
    return Fail(ErrorCode::kInternal);
  }

  access::CallerPtr caller = std::make_shared<const access::Caller>(access::Caller{
      AccountId::Trusted("123456789012"), "AIDAEXAMPLE", "arn:aws:iam::123456789012:user/u", "u", "AKIA"});
  std::vector<std::string> steps;
  std::string authenticated_body;
  std::string denied = "arn:denied";
};

/// What the rows' functions see and answer.
struct Things {
  std::vector<std::string>* steps = nullptr;
  std::optional<CallContext> call;
  std::optional<Error> fault;
};

Result<PutThingResponse> PutThing(Things& things, const CallContext& call, const PutThingRequest& request) {
  things.steps->push_back("run " + request.thing_name);
  things.call = call;
  if (things.fault) return Fail(*things.fault);
  return PutThingResponse{.thing_name = request.thing_name, .count = 7};
}

constexpr auto kOnThing = [](const CallContext& call, const PutThingRequest& request) {
  Ask ask{{"arn:" + request.thing_name}, {{"thing:account", call.account.str()}}};
  for (const std::string& word : request.words.value_or(std::vector<std::string>{}))
    ask.resources.push_back("arn:" + word);
  return ask;
};

constexpr NotServed kNotServed[] = {{"DropThing", "things stay"}};

Service JsonThings(Things& things) {
  return {.model = &sample::kJsonService,
          .protocol = Protocol::kJson,
          .operations = {Row(things, sample::kPutThingOperation, &PutThing, "thing:PutThing", kOnThing)},
          .not_served = kNotServed};
}

Service FormThings(Things& things) {
  Operation row = RowWithoutPermission(things, sample::kPutThingOperation, &PutThing);
  row.presigned = true;
  return {.model = &sample::kQueryService,
          .protocol = Protocol::kQuery,
          .global = true,
          .operations = {row},
          .not_served = kNotServed};
}

class DoorTest : public testing::Test {
 protected:
  DoorTest() { things.steps = &access.steps; }

  struct Sent {
    http::Method method = http::Method::kPost;
    std::string_view query;
    std::vector<http::HeaderField> fields;
    std::string body;
  };

  http::RequestHead HeadOf(const Sent& sent) const {
    return {.method = sent.method,
            .method_text = sent.method == http::Method::kPost ? "POST" : "GET",
            .target = "/",
            .path = "/",
            .query = sent.query,
            .host = "localhost:5000",
            .headers = sent.fields,
            .content_length = sent.body.size(),
            .peer = &peer};
  }
  http::Response Send(AwsDoor& at, const Sent& sent) { return at.Serve(HeadOf(sent), sent.body); }
  http::Response Send(const Sent& sent) { return Send(door, sent); }

  static Sent Json(std::string body, std::string_view target = "Things_V1.PutThing",
                   std::string_view auth = "good") {
    return {.fields = {{"X-Amz-Target", target}, {"Authorization", auth}}, .body = std::move(body)};
  }
  static Sent Posted(std::string body) {
    return {.fields = {{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"},
                       {"Authorization", "good"}},
            .body = std::move(body)};
  }
  static std::string BodyOf(const http::Response& response) { return std::get<std::string>(response.body); }

  http::Peer peer{.address = "127.0.0.1", .loopback = true};
  FakeAccess access;
  Things things;
  ManualClock clock;
  AwsDoor door{access, clock, {JsonThings(things), FormThings(things)}};
};

TEST_F(DoorTest, ACallIsAuthenticatedReadAuthorizedAndRunInThisOrder) {
  const http::Response response = Send(Json(R"({"ThingName":"ab"})"));
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(BodyOf(response), R"({"ThingName":"ab","Count":7})");
  EXPECT_EQ(access.steps,
            (std::vector<std::string>{"authenticate thing", "authorize thing:PutThing on arn:ab",
                                      "with thing:account=123456789012", "run ab"}));
  EXPECT_EQ(access.authenticated_body, R"({"ThingName":"ab"})");
}

TEST_F(DoorTest, AnAnswerCarriesItsHeaders) {
  const std::string fields = Send(Json(R"({"ThingName":"ab"})")).fields;
  EXPECT_NE(fields.find("Content-Type: application/x-amz-json-1.1\r\n"), std::string::npos);
  EXPECT_NE(fields.find("X-Content-Type-Options: nosniff\r\n"), std::string::npos);
  const std::size_t id = fields.find("x-amzn-RequestId: ");
  ASSERT_NE(id, std::string::npos);
  EXPECT_TRUE(IsUuid(fields.substr(id + 18, 36)));
}

TEST_F(DoorTest, TheFunctionGetsTheFactsOfTheCall) {
  const http::Response response = Send(Json(R"({"ThingName":"ab"})"));
  ASSERT_TRUE(things.call);
  EXPECT_EQ(things.call->account, AccountId::Trusted("123456789012"));
  EXPECT_EQ(things.call->region, Region::Trusted("us-west-2"));
  EXPECT_EQ(things.call->service, "thing");
  EXPECT_EQ(things.call->host, "localhost:5000");
  EXPECT_EQ(things.call->scheme, "http");
  EXPECT_EQ(things.call->now, clock.Now());
  EXPECT_NE(response.fields.find(things.call->request_id), std::string::npos);
}

TEST_F(DoorTest, AHostThatIsNoneIsRefusedBeforeItCanReachAnAnswer) {
  const Sent sent = Json(R"({"ThingName":"ab"})");
  http::RequestHead head = HeadOf(sent);
  head.host = "user@localhost";
  EXPECT_EQ(door.Serve(head, sent.body).status, 400);
  EXPECT_FALSE(things.call);
}

TEST_F(DoorTest, AStrangerLearnsNothingOfTheShape) {
  const http::Response response = Send(Json("{", "Things_V1.PutThing", "bad"));
  EXPECT_EQ(response.status, 400);
  EXPECT_NE(BodyOf(response).find("\"__type\":\"InvalidSignatureException\""), std::string::npos);
  EXPECT_NE(response.fields.find("x-amzn-ErrorType: InvalidSignatureException\r\n"), std::string::npos);
  EXPECT_EQ(access.steps.size(), 1u);
}

TEST_F(DoorTest, TheShapeIsCheckedBeforeAuthorizationIsAsked) {
  access.denied = "arn:a";
  EXPECT_EQ(
      BodyOf(Send(Json(R"({"ThingName":"a"})"))),
      R"({"__type":"InvalidParameterException","message":"Invalid parameter at 'ThingName' failed to satisfy )"
      R"(constraint: 'must have length greater than or equal to 2'"})");
  EXPECT_EQ(BodyOf(Send(Json(R"({"ThingName":1})"))),
            R"({"__type":"SerializationException","message":"NUMBER_VALUE cannot be converted to String"})");
  EXPECT_EQ(access.steps, (std::vector<std::string>{"authenticate thing", "authenticate thing"}));
}

TEST_F(DoorTest, EveryResourceIsAuthorizedBeforeAnythingRuns) {
  const http::Response response = Send(Json(R"({"ThingName":"ab","Words":["fine","denied","other"]})"));
  EXPECT_EQ(response.status, 400);
  EXPECT_EQ(
      BodyOf(response),
      R"({"__type":"AccessDeniedException","message":"User: arn:aws:iam::123456789012:user/u is not authorized )"
      R"(to perform: thing:PutThing on resource: arn:denied because no identity-based policy allows the )"
      R"(thing:PutThing action"})");
  EXPECT_FALSE(things.call);
}

TEST_F(DoorTest, WhatHasNoRowIsUnknown) {
  for (const std::string_view target :
       {"Things_V1.DropThing", "Things_V1.", "Other.PutThing", "PutThing", ""}) {
    const http::Response response = Send(Json("{}", target));
    EXPECT_EQ(response.status, 404) << target;
    EXPECT_NE(BodyOf(response).find("UnknownOperationException"), std::string::npos) << target;
  }
  Sent got = Json("");
  got.method = http::Method::kGet;
  EXPECT_EQ(Send(got).status, 404);
  EXPECT_TRUE(access.steps.empty());
}

TEST_F(DoorTest, AFaultInsideIsOursAndSaysNoMore) {
  things.fault = Error(ErrorCode::kStorageFault, "disk 7");
  const http::Response response = Send(Json(R"({"ThingName":"ab"})"));
  EXPECT_EQ(response.status, 500);
  EXPECT_NE(BodyOf(response).find("ServerException"), std::string::npos);
  EXPECT_EQ(BodyOf(response).find("disk"), std::string::npos);
  things.fault = Error(ErrorCode::kUnavailable);
  const http::Response busy = Send(Json(R"({"ThingName":"ab"})"));
  EXPECT_EQ(busy.status, 503);
  EXPECT_NE(busy.fields.find("Retry-After: 1\r\n"), std::string::npos);
}

TEST_F(DoorTest, AFormPostIsAnsweredInXml) {
  const http::Response response = Send(Posted("Action=PutThing&Version=2020-02-02&ThingName=ab"));
  EXPECT_EQ(response.status, 200);
  EXPECT_NE(response.fields.find("Content-Type: text/xml\r\n"), std::string::npos);
  EXPECT_TRUE(BodyOf(response).starts_with(
      "<PutThingResponse "
      "xmlns=\"https://things.example/doc/2020-02-02/\"><PutThingResult><ThingName>ab</ThingName>"))
      << BodyOf(response);
  EXPECT_EQ(access.steps, (std::vector<std::string>{"authenticate form", "run ab"}));
}

TEST_F(DoorTest, APresignedGetIsAuthenticatedByItsQuery) {
  const http::Response response =
      Send({.method = http::Method::kGet,
            .query = "Action=PutThing&Version=2020-02-02&ThingName=ab&X-Amz-Signature=00"});
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(access.steps.front(), "authenticate form by query");
}

TEST_F(DoorTest, OnlyRowsThatSaySoMayBePresigned) {
  Operation plain = RowWithoutPermission(things, sample::kPutThingOperation, &PutThing);
  AwsDoor strict(access, clock,
                 {{.model = &sample::kQueryService, .protocol = Protocol::kQuery, .operations = {plain}}});
  const http::Response response =
      Send(strict, {.method = http::Method::kGet,
                    .query = "Action=PutThing&Version=2020-02-02&ThingName=ab&X-Amz-Signature=00"});
  EXPECT_EQ(response.status, 403);
  EXPECT_EQ(access.steps.front(), "authenticate form");
}

TEST_F(DoorTest, FaultsBeforeAQueryServiceIsFoundUseTheFaultNamespace) {
  const http::Response response = Send(Posted("Action=DropThing&Version=2020-02-02"));
  EXPECT_EQ(response.status, 400);
  EXPECT_TRUE(BodyOf(response).starts_with(
      "<ErrorResponse xmlns=\"http://webservices.amazon.com/AWSFault/2005-15-09\"><Error><Type>Sender</Type>"
      "<Code>InvalidAction</Code><Message>Could not find operation DropThing for version "
      "2020-02-02</Message>"))
      << BodyOf(response);
  EXPECT_NE(BodyOf(Send(Posted("Action=PutThing"))).find("for version NO_VERSION_SPECIFIED"),
            std::string::npos);
  EXPECT_NE(BodyOf(Send(Posted("Action=%01"))).find("<Code>MalformedInput</Code>"), std::string::npos);
  const http::Response known = Send(Posted("Action=PutThing&Version=2020-02-02&ThingName=a"));
  EXPECT_TRUE(BodyOf(known).starts_with("<ErrorResponse xmlns=\"https://things.example/doc/2020-02-02/\">"));
  EXPECT_NE(
      BodyOf(known).find("<Code>ValidationError</Code><Message>1 validation error detected: Value 'a' at "
                         "'thingName' failed"),
      std::string::npos)
      << BodyOf(known);
}

TEST_F(DoorTest, TheHeadOfALargeBodyMustClaimAGoodKey) {
  http::RequestHead head;
  head.method = http::Method::kPost;
  head.peer = &peer;
  const auto check = [&](std::string_view target, std::string_view authorization) {
    const std::vector<http::HeaderField> fields{{"X-Amz-Target", target}, {"Authorization", authorization}};
    head.headers = fields;
    return door.CheckHead(head);
  };
  EXPECT_FALSE(check("Things_V1.PutThing", "AWS4-HMAC-SHA256 good"));
  const auto unknown = check("Things_V1.PutThing", "unknown");
  ASSERT_TRUE(unknown);
  EXPECT_NE(BodyOf(*unknown).find("UnrecognizedClientException"), std::string::npos) << BodyOf(*unknown);
  EXPECT_TRUE(check("Things_V1.DropThing", "good")) << "no such operation";
  EXPECT_EQ(access.steps, (std::vector<std::string>{"check claim of thing", "check claim of thing"}));
}

TEST_F(DoorTest, RegionsAreRestrictedButForGlobalServices) {
  AwsDoor restricted(access, clock, {JsonThings(things), FormThings(things)},
                     {.regions = {Region::Trusted("eu-west-1")}, .domain = {}});
  EXPECT_EQ(
      BodyOf(Send(restricted, Json(R"({"ThingName":"ab"})"))),
      R"({"__type":"InvalidSignatureException","message":"Credential should be scoped to a valid region. "})");
  EXPECT_EQ(Send(restricted, Posted("Action=PutThing&Version=2020-02-02&ThingName=ab")).status, 200);
}

TEST_F(DoorTest, BodiesAreAsLongAsTheOperationsShapeAllows) {
  const auto planned = [&](Sent sent) { return door.PlanBody(HeadOf(sent)).buffer_up_to; };
  constexpr std::string_view kSigned = "AWS4-HMAC-SHA256 Credential=…";
  EXPECT_EQ(planned(Json("", "Things_V1.PutThing", kSigned)), (1u << 20) + 120'000);
  EXPECT_EQ(planned(Json("", "Things_V1.PutThing", "")), 16u * 1024);
  EXPECT_EQ(planned(Json("", "Things_V1.Other", kSigned)), 16u * 1024);
  EXPECT_FALSE(door.PlanBody(HeadOf(Json(""))).stream_beyond);
}

TEST_F(DoorTest, WhatTheConnectionRefusesIsWordedInTheCallersProtocol) {
  const http::Response large = door.Refuse(HeadOf(Json("")), http::Refusal::kBodyTooLarge);
  EXPECT_EQ(large.status, 413);
  EXPECT_NE(BodyOf(large).find("RequestEntityTooLargeException"), std::string::npos);
  const http::Response busy = door.Refuse(HeadOf(Posted("")), http::Refusal::kBusy);
  EXPECT_EQ(busy.status, 503);
  EXPECT_NE(BodyOf(busy).find("<Code>ServiceUnavailable</Code>"), std::string::npos);
}

TEST_F(DoorTest, CallsAreCountedPerOperation) {
  Send(Json(R"({"ThingName":"ab"})"));
  Send(Json("{}"));
  things.fault = Error(ErrorCode::kInternal);
  Send(Json(R"({"ThingName":"ab"})"));
  Send(Json("{}", "nothing"));
  std::vector<std::string> counted;
  door.VisitMetrics(
      [&](std::string_view service, std::string_view operation, const OperationMetrics& metrics) {
        if (metrics.requests() == 0) return;
        counted.push_back(std::string(service) + "." + std::string(operation) + " " +
                          std::to_string(metrics.requests()) + " " + std::to_string(metrics.client_errors()) +
                          " " + std::to_string(metrics.server_errors()));
      });
  std::ranges::sort(counted);
  EXPECT_EQ(counted, (std::vector<std::string>{".unknown 1 1 0", "thing.PutThing 3 1 1"}));
}

TEST(OperationTable, EveryModelledOperationIsServedOrRefusedWithAReason) {
  Things things;
  EXPECT_EQ(FaultsOf(JsonThings(things)), std::vector<std::string>());

  Service service = JsonThings(things);
  service.not_served = {};
  EXPECT_EQ(FaultsOf(service), std::vector<std::string>{"DropThing has neither a row nor a reason why not"});

  constexpr NotServed kWrong[] = {{"DropThing", ""}, {"PutThing", "no"}, {"SpinThing", "no"}};
  service.not_served = kWrong;
  service.operations.push_back(
      Row(things, sample::kPutThingOperation, &PutThing, "other:PutThing", kOnAnything));
  EXPECT_EQ(FaultsOf(service),
            (std::vector<std::string>{"PutThing has two rows", "PutThing has another service's action",
                                      "DropThing is not served for no reason",
                                      "PutThing has a row and is listed as not served",
                                      "SpinThing is listed as not served and is not in the model"}));
}

}  // namespace
}  // namespace entrepot::aws
