#include "services/ecr/policy_text.h"

#include <gtest/gtest.h>

namespace entrepot::ecr {
namespace {

const Region kRegion = Region::Trusted("us-west-2");
const RegistryName kRegistry{AccountId::Trusted("123456789012"), kRegion};
constexpr std::string_view kArn = "arn:aws:ecr:us-west-2:123456789012:repository/team/app";

std::string Canonical(std::string_view text) {
  const Result<CheckedPolicy> policy = CheckRepositoryPolicy("PolicyText", text, kRegion, kArn);
  return policy ? policy->text : policy.error().ToString();
}

TEST(PolicyText, IsPrintedAsEcrPrintsIt) {
  EXPECT_EQ(Canonical(R"({"Statement":[{"Action":["ecr:BatchGetImage","ecr:GetDownloadUrlForLayer"],
      "Principal":"*","Effect":"Allow","Sid":"AllowPull"}],"Version":"2012-10-17"})"),
            R"({
  "Version" : "2012-10-17",
  "Statement" : [ {
    "Sid" : "AllowPull",
    "Effect" : "Allow",
    "Principal" : "*",
    "Action" : [ "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer" ]
  } ]
})");
}

TEST(PolicyText, HasOneOfWhatIsOneAndRootsForAccounts) {
  EXPECT_EQ(Canonical(R"({"Id":"p","Statement":{"Effect":"Deny","Action":["ecr:*"],"Resource":["*"],
      "Condition":{"StringEquals":{"aws:username":["a"]},"Bool":{"aws:SecureTransport":false}},
      "Principal":{"AWS":["111122223333"],"Service":["codebuild.amazonaws.com"]}}})"),
            R"({
  "Id" : "p",
  "Statement" : [ {
    "Effect" : "Deny",
    "Principal" : {
      "AWS" : "arn:aws:iam::111122223333:root",
      "Service" : "codebuild.amazonaws.com"
    },
    "Action" : "ecr:*",
    "Resource" : "*",
    "Condition" : {
      "StringEquals" : {
        "aws:username" : "a"
      },
      "Bool" : {
        "aws:SecureTransport" : false
      }
    }
  } ]
})");
}

TEST(PolicyText, NamesWhomItLeavesOutAsItNamesOthers) {
  EXPECT_EQ(Canonical(R"({"Statement":[{"Action":"ecr:*","NotPrincipal":{"AWS":["111122223333"]},
      "Effect":"Deny"}]})"),
            R"({
  "Statement" : [ {
    "Effect" : "Deny",
    "NotPrincipal" : {
      "AWS" : "arn:aws:iam::111122223333:root"
    },
    "Action" : "ecr:*"
  } ]
})");
}

TEST(PolicyText, IsItsOwnCanonicalForm) {
  const std::string once = Canonical(
      R"({"Version":"2008-10-17","Statement":[{"Sid":"a \"quoted\" é","Effect":"Allow","Principal":{"AWS":["111122223333","*"]},"Action":"ecr:PutImage"},
          {"Sid":"a \"quoted\" é","Effect":"Allow","Principal":"*","NotAction":"ecr:PutImage","Resource":")" +
      std::string(kArn) + R"("}]})");
  EXPECT_EQ(once.front(), '{');
  EXPECT_EQ(Canonical(once), once);
}

TEST(PolicyText, OfARegionElsewhereNamesItsPartition) {
  const auto policy = CheckRepositoryPolicy(
      "PolicyText", R"({"Statement":{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"ecr:*"}})",
      Region::Trusted("cn-north-1"), kArn);
  ASSERT_TRUE(policy);
  EXPECT_NE(policy->text.find("\"arn:aws-cn:iam::111122223333:root\""), std::string::npos);
}

TEST(PolicyText, ThatARepositoryCannotHave) {
  const auto refused = [](const std::string& statement) {
    const auto policy =
        CheckRepositoryPolicy("PolicyText", R"({"Statement":[)" + statement + "]}", kRegion, kArn);
    return !policy && policy.error().fact("constraint") == "Invalid repository policy provided" &&
           policy.error().fact("parameter") == "PolicyText";
  };
  EXPECT_TRUE(refused(""));
  EXPECT_TRUE(refused(R"({"Effect":"Allow","Action":"ecr:*"})"));
  EXPECT_TRUE(refused(R"({"Effect":"Allow","Principal":"*"})"));
  EXPECT_TRUE(refused(R"({"Principal":"*","Action":"ecr:*"})"));
  EXPECT_TRUE(refused(R"({"Effect":"Allow","Principal":"*","Action":"*"})"));
  EXPECT_TRUE(refused(R"({"Effect":"Allow","Principal":"*","Action":["ecr:PutImage","s3:GetObject"]})"));
  EXPECT_TRUE(refused(R"({"Effect":"Allow","Principal":{"AWS":"nobody"},"Action":"ecr:*"})"));
  EXPECT_TRUE(refused(
      R"({"Effect":"Allow","Principal":"*","Action":"ecr:*","Resource":"arn:aws:ecr:us-west-2:123456789012:repository/*"})"));
  EXPECT_FALSE(refused(R"({"Effect":"Allow","Principal":"*","Action":"ECR:PutImage","Resource":")" +
                       std::string(kArn) + R"("})"));
}

TEST(PolicyText, OfARegistrySaysWhichRepositories) {
  const auto accepted = [](std::string_view action, const std::string& resource, RegistryPolicyScope scope) {
    return CheckRegistryPolicy(
               R"({"Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":")" +
                   std::string(action) + "\"" + resource + "}]}",
               kRegistry, scope)
        .has_value();
  };
  const auto on = [](std::string_view resource) { return R"(,"Resource":")" + std::string(resource) + "\""; };
  const std::string all = on("arn:aws:ecr:us-west-2:123456789012:repository/*");
  using enum RegistryPolicyScope;
  EXPECT_TRUE(accepted("ecr:ReplicateImage", all, kV1));
  EXPECT_TRUE(accepted("ecr:*", all, kV1));
  EXPECT_FALSE(accepted("ecr:PutImage", all, kV1));
  EXPECT_TRUE(accepted("ecr:PutImage", all, kV2));
  EXPECT_FALSE(accepted("s3:PutObject", all, kV2));
  for (const std::string& resource :
       {std::string(), on("*"), on("arn:aws:ecr:us-west-2:123456789012:repository/"),
        on("arn:aws:ecr:us-east-1:123456789012:repository/*"),
        on("arn:aws:ecr:us-west-2:111122223333:repository/*")})
    EXPECT_FALSE(accepted("ecr:ReplicateImage", resource, kV2)) << resource;
}

}  // namespace
}  // namespace entrepot::ecr
