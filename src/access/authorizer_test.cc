// Decisions, and how long they are kept.

#include "access/access_test_support.h"

namespace entrepot::access {
namespace {

constexpr std::string_view kRepository = "arn:aws:ecr:us-west-2:123456789012:repository/team/app";

class Decisions : public StoreAccessTest {
 protected:
  Result<> Authorize(Request& request) {
    return access_->Authorize(*caller_, "ecr:PutImage", kRepository, FactsOf(request.Head(), clock_.Now()));
  }
  std::optional<bool> FromMemory(Request& request) {
    return access_->TryAuthorize(*caller_, "ecr:PutImage", kRepository, request.Head());
  }
  void SetUp() override {
    StoreAccessTest::SetUp();
    caller_ = AdminCaller();
  }
  CallerPtr caller_;
  Request request_;
};

TEST_F(Decisions, TheAdministratorsPolicyAllowsEverything) {
  EXPECT_FALSE(FromMemory(request_).has_value());
  EXPECT_TRUE(Authorize(request_));
  EXPECT_EQ(FromMemory(request_), true);
}

TEST_F(Decisions, APolicyChangeIsSeenByTheNextOne) {
  ASSERT_TRUE(Authorize(request_));
  PutPolicy(
      R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ecr:Batch*","Resource":"*"}]})");
  EXPECT_FALSE(FromMemory(request_).has_value());
  const Result<> denied = Authorize(request_);
  ASSERT_FALSE(denied);
  EXPECT_EQ(denied.error().code(), ErrorCode::kAccessDenied);
  EXPECT_EQ(denied.error().fact("principal"), "arn:aws:iam::123456789012:user/admin");
  EXPECT_EQ(denied.error().fact("action"), "ecr:PutImage");
  EXPECT_EQ(denied.error().fact("resource"), kRepository);
  EXPECT_EQ(denied.error().fact("reason"), "because no identity-based policy allows the ecr:PutImage action");
  EXPECT_EQ(FromMemory(request_), false);
  PutPolicy(R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},
               {"Effect":"Deny","Action":"ecr:PutImage","Resource":"*"}]})");
  EXPECT_EQ(Authorize(request_).error().fact("reason"), "with an explicit deny in an identity-based policy");
}

TEST_F(Decisions, AreKeptUnderTheValuesTheyDependOn) {
  PutPolicy(R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*",
               "Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}]})");
  Request outside;
  outside.peer.address = "192.0.2.1";
  EXPECT_TRUE(Authorize(request_));
  EXPECT_FALSE(FromMemory(outside).has_value());
  EXPECT_FALSE(Authorize(outside));
  EXPECT_TRUE(Authorize(request_));
  EXPECT_EQ(FromMemory(request_), true);
  EXPECT_EQ(FromMemory(outside), false);
}

TEST_F(Decisions, WhatOnlyTheOperationKnowsIsNotAnsweredFromTheConnection) {
  PutPolicy(R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*",
               "Condition":{"StringEquals":{"ecr:ResourceTag/team":"red"}}}]})");
  const auto tagged = [&](const char* team) {
    RequestFacts facts = FactsOf(request_.Head(), clock_.Now());
    facts.keys = {{"ecr:resourcetag/team", team}};
    return access_->Authorize(*caller_, "ecr:PutImage", kRepository, facts).has_value();
  };
  EXPECT_FALSE(Authorize(request_));
  EXPECT_FALSE(FromMemory(request_).has_value());
  EXPECT_TRUE(tagged("red"));
  EXPECT_FALSE(tagged("blue"));
  EXPECT_TRUE(tagged("red"));
}

TEST_F(Decisions, AnOperationCannotPassOffWhatTheConnectionSays) {
  PutPolicy(R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*",
               "Condition":{"StringEquals":{"aws:username":"root"}}}]})");
  RequestFacts facts;
  facts.keys = {{"aws:username", "root"}, {"AWS:UserName", "root"}};
  EXPECT_FALSE(access_->Authorize(*caller_, "ecr:PutImage", kRepository, facts));
}

TEST_F(Decisions, WhatDependsOnTimeIsDecidedEachTime) {
  PutPolicy(R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*",
               "Condition":{"NumericLessThan":{"aws:EpochTime":1700000010}}}]})");
  EXPECT_TRUE(Authorize(request_));
  EXPECT_FALSE(FromMemory(request_).has_value());
  clock_.Advance(10s);
  EXPECT_FALSE(Authorize(request_));
}

TEST_F(Decisions, APolicyThatCannotBeReadAllowsNothing) {
  PutPolicy("{}");
  EXPECT_EQ(Authorize(request_).error().code(), ErrorCode::kDamaged);
}

TEST_F(Decisions, ADeletedCallerMayNothing) {
  ASSERT_TRUE(Authorize(request_));
  DeleteAdmin();
  EXPECT_EQ(Authorize(request_).error().code(), ErrorCode::kAccessDenied);
}

}  // namespace
}  // namespace entrepot::access
