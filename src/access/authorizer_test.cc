// Decisions, and how long they are kept.

#include "access/access_test_support.h"
#include "access/policy_document.h"
#include "metadata/policies.h"
#include "metadata/registry_settings.h"

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

// ---- what is attached to the resource

class AttachedPolicies : public Decisions {
 protected:
  void SetUp() override {
    Decisions::SetUp();
    ref_ = store_
               ->Write([](WriteTransaction& transaction) -> Result<metadata::RepositoryRef> {
                 const auto registry = TRY(metadata::EnsureRegistry(transaction, kRegistry));
                 const auto domain = TRY(metadata::EnsureDomain(transaction, registry, 1, ""));
                 TRY(metadata::InsertRepository(transaction, {.registry = registry,
                                                              .id = 7,
                                                              .name = "team/app",
                                                              .domain = domain,
                                                              .tag_mutability = 1}));
                 return metadata::RepositoryRef{registry, 7};
               })
               .value();
  }
  void Attach(std::string_view document) {
    ASSERT_TRUE(store_->Write([&](WriteTransaction& transaction) -> Result<> {
      TRY(metadata::PutRepositoryPolicy(transaction, ref_, document));
      transaction.Touch(metadata::RepositoryVersion(kRegistry, "team/app"));
      return {};
    }));
  }
  void AttachToRegistry(std::string_view document) {
    ASSERT_TRUE(store_->Write([&](WriteTransaction& transaction) {
      return metadata::PutRegistryPolicy(transaction, kRegistry, document);
    }));
  }
  void SetScope(std::string_view scope) {
    ASSERT_TRUE(store_->Write([&](WriteTransaction& transaction) {
      return metadata::PutAccountSetting(transaction, kRegistry, metadata::kRegistryPolicyScope, scope);
    }));
  }
  void MayNothingByItself() {
    PutPolicy(R"({"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]})");
  }
  static std::string Statement(std::string_view effect, std::string_view principal,
                               std::string_view action = "ecr:PutImage", std::string_view more = "") {
    return R"({"Version":"2012-10-17","Statement":[{"Effect":")" + std::string(effect) + R"(","Principal":)" +
           std::string(principal) + R"(,"Action":")" + std::string(action) + "\"" + std::string(more) + "}]}";
  }
  static std::string OnAll(std::string_view effect, std::string_view action = "ecr:PutImage") {
    return Statement(effect, R"("*")", action,
                     R"(,"Resource":"arn:aws:ecr:us-west-2:123456789012:repository/*")");
  }
  metadata::RepositoryRef ref_;
};

constexpr std::string_view kAdmin = R"({"AWS":"arn:aws:iam::123456789012:user/admin"})";

TEST_F(AttachedPolicies, ADenyWinsAndIsSeenByTheNextOne) {
  ASSERT_TRUE(Authorize(request_));
  Attach(Statement("Deny", kAdmin));
  EXPECT_FALSE(FromMemory(request_).has_value());
  EXPECT_EQ(Authorize(request_).error().fact("reason"), "with an explicit deny in a resource-based policy");
  EXPECT_TRUE(IsDeniedByAPolicy(Authorize(request_).error()));
  EXPECT_EQ(FromMemory(request_), false);
  Attach(Statement("Deny", kAdmin, "ecr:BatchGetImage"));
  EXPECT_TRUE(Authorize(request_));
}

TEST_F(AttachedPolicies, AnAllowToTheCallerIsEnoughAndToItsAccountIsNot) {
  MayNothingByItself();
  EXPECT_FALSE(Authorize(request_));
  Attach(Statement("Allow", R"({"AWS":"123456789012"})"));
  EXPECT_FALSE(Authorize(request_));
  Attach(Statement("Allow", kAdmin));
  EXPECT_TRUE(Authorize(request_));
  EXPECT_EQ(FromMemory(request_), true);
  Attach(Statement("Allow", R"({"AWS":"arn:aws:iam::123456789012:user/other"})"));
  EXPECT_FALSE(Authorize(request_));
}

TEST_F(AttachedPolicies, AreThoseOfThatRepositoryAlone) {
  Attach(Statement("Deny", kAdmin));
  for (const char* resource : {"arn:aws:ecr:us-west-2:123456789012:repository/team/apps",
                               "arn:aws:ecr:us-east-1:123456789012:repository/team/app", "*"})
    EXPECT_TRUE(
        access_->Authorize(*caller_, "ecr:PutImage", resource, FactsOf(request_.Head(), clock_.Now())))
        << resource;
}

TEST_F(AttachedPolicies, TheirConditionsAreAsked) {
  Attach(Statement("Deny", R"("*")", "ecr:PutImage",
                   R"(,"Condition":{"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}})"));
  Request outside;
  outside.peer.address = "192.0.2.1";
  EXPECT_TRUE(Authorize(request_));
  EXPECT_FALSE(Authorize(outside));
  EXPECT_EQ(FromMemory(request_), true);
  EXPECT_EQ(FromMemory(outside), false);
}

TEST_F(AttachedPolicies, TheRegistrysIsAskedToo) {
  ASSERT_TRUE(Authorize(request_));
  AttachToRegistry(OnAll("Deny"));
  EXPECT_FALSE(Authorize(request_));
  MayNothingByItself();
  AttachToRegistry(OnAll("Allow"));
  EXPECT_TRUE(Authorize(request_));
}

TEST_F(AttachedPolicies, WithScopeV1TheRegistrysIsAskedAboutTheRegistryOnly) {
  const auto may = [&](std::string_view action) {
    return access_->Authorize(*caller_, action, kRepository, FactsOf(request_.Head(), clock_.Now()))
        .has_value();
  };
  AttachToRegistry(OnAll("Deny", "ecr:*"));
  EXPECT_FALSE(may("ecr:PutImage"));
  SetScope("V1");
  EXPECT_TRUE(may("ecr:PutImage"));
  EXPECT_FALSE(may("ecr:CreateRepository"));
  SetScope("V2");
  EXPECT_FALSE(may("ecr:PutImage"));
}

TEST_F(AttachedPolicies, OneThatCannotBeReadAllowsNothing) {
  Attach("{}");
  EXPECT_EQ(Authorize(request_).error().code(), ErrorCode::kDamaged);
}

TEST_F(AttachedPolicies, WhatOneWouldMeanCanBeAskedBefore) {
  const auto under = [&](const std::string& text) {
    return access_->AuthorizeUnder(PolicyDocument::Parse(text, PolicyKind::kResource).value(), *caller_,
                                   "ecr:PutImage", kRepository, FactsOf(request_.Head(), clock_.Now()));
  };
  EXPECT_TRUE(under(Statement("Allow", kAdmin)));
  EXPECT_EQ(under(Statement("Deny", kAdmin)).error().code(), ErrorCode::kAccessDenied);
  MayNothingByItself();
  EXPECT_EQ(under(Statement("Allow", kAdmin, "ecr:ListImages")).error().code(), ErrorCode::kAccessDenied);
  AttachToRegistry(OnAll("Allow"));
  EXPECT_TRUE(under(Statement("Allow", kAdmin, "ecr:ListImages")));
  EXPECT_TRUE(Authorize(request_));
}

// ----

TEST_F(Decisions, ADeletedCallerMayNothing) {
  ASSERT_TRUE(Authorize(request_));
  DeleteAdmin();
  EXPECT_EQ(Authorize(request_).error().code(), ErrorCode::kAccessDenied);
}

}  // namespace
}  // namespace entrepot::access
