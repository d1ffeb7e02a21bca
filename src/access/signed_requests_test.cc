// SigV4 requests: each wrong one has its code, and a change of a key is seen by the very next one.

#include <atomic>
#include <thread>

#include "access/access_test_support.h"

namespace entrepot::access {
namespace {

using SignedRequests = StoreAccessTest;

TEST_F(SignedRequests, NameTheirCaller) {
  const auto caller = Authenticate(Signed(admin_));
  ASSERT_TRUE(caller) << caller.error().ToString();
  EXPECT_EQ(caller->region.str(), "us-west-2");
  EXPECT_EQ(caller->caller->arn, "arn:aws:iam::123456789012:user/admin");
  EXPECT_EQ(caller->caller->user_name, "admin");
  EXPECT_EQ(caller->caller->access_key_id, admin_.id);
  EXPECT_TRUE(caller->caller->unique_id.starts_with("AIDA"));
}

TEST_F(SignedRequests, EveryWrongOneHasItsCode) {
  EXPECT_EQ(SignedCode(Request().Add("Host", "localhost:5000")), ErrorCode::kMissingAuthentication);
  EXPECT_EQ(SignedCode(Request().Add("Host", "h").Add("Authorization", "AWS4-HMAC-SHA256 Credential=x")),
            ErrorCode::kIncompleteSignature);
  EXPECT_EQ(SignedCode(Signed({NewAwsId("AKIA", 20), admin_.secret})), ErrorCode::kUnknownAccessKey);
  EXPECT_EQ(SignedCode(Signed({"short", admin_.secret})), ErrorCode::kUnknownAccessKey);
  EXPECT_EQ(SignedCode(Signed({admin_.id, "another secret altogether"})), ErrorCode::kSignatureMismatch);
  EXPECT_EQ(SignedCode(Signed(admin_, "kms")), ErrorCode::kCredentialScope);
  EXPECT_EQ(SignedCode(Signed(admin_, "ecr", "mars")), ErrorCode::kCredentialScope);
  EXPECT_EQ(SignedCode(Signed(admin_, "ecr", "us-west-2", "a session")), ErrorCode::kUnknownAccessKey);
  EXPECT_EQ(Authenticate(Signed(admin_), {"ecr"}, "{}").error().code(), ErrorCode::kSignatureMismatch);
  const Request early = Signed(admin_);
  clock_.Advance(5min + 1s);
  EXPECT_EQ(SignedCode(early), ErrorCode::kSignatureExpired);
  clock_.StepWall(-11min);
  EXPECT_EQ(SignedCode(early), ErrorCode::kSignatureNotYetCurrent);
}

TEST_F(SignedRequests, RegionsCanBeRestrictedButNotForGlobalServices) {
  Restart({.regions = {Region::Trusted("eu-central-1")}});
  EXPECT_EQ(Authenticate(Signed(admin_)).error().fact("detail"),
            "Credential should be scoped to a valid region. ");
  EXPECT_TRUE(Authenticate(Signed(admin_, "ecr", "eu-central-1")));
  EXPECT_TRUE(Authenticate(Signed(admin_, "sts", "us-east-1"), {"sts"}));
}

TEST_F(SignedRequests, APresignedQueryCountsOnlyWhereItIsAllowed) {
  Request request;
  request.Add("Host", "localhost:5000");
  const std::vector<sigv4::Header> headers{{"Host", "localhost:5000"}};
  request.query =
      sigv4::Presign({"POST", "/", "Action=GetCallerIdentity&Version=2011-06-15", headers}, AsBytes(kBody),
                     {admin_.id, admin_.secret, "", "us-east-1", "sts"}, clock_.Now(), 60s);
  EXPECT_TRUE(Authenticate(request, {"sts", true}));
  EXPECT_EQ(SignedCode(request, {"sts", false}), ErrorCode::kMissingAuthentication);
  clock_.Advance(61s);
  EXPECT_EQ(SignedCode(request, {"sts", true}), ErrorCode::kSignatureExpired);
}

TEST_F(SignedRequests, ADeactivatedKeyIsSeenByTheNextOne) {
  ASSERT_TRUE(Authenticate(Signed(admin_)));
  SetActive(false);
  EXPECT_EQ(SignedCode(Signed(admin_)), ErrorCode::kUnknownAccessKey);
  SetActive(true);
  EXPECT_TRUE(Authenticate(Signed(admin_)));
  DeleteAdmin();
  EXPECT_EQ(SignedCode(Signed(admin_)), ErrorCode::kUnknownAccessKey);
}

TEST_F(SignedRequests, AKeyIdThatComesBackWithAnotherSecretHasThatSecretOnly) {
  ASSERT_TRUE(Authenticate(Signed(admin_)));
  DeleteAdmin();
  const AccessKey again{admin_.id, "a-new-secret-access-key"};
  ASSERT_TRUE(EnsureAdministrator(*store_, secrets_, kAccount, again).value());
  EXPECT_EQ(SignedCode(Signed(admin_)), ErrorCode::kSignatureMismatch);
  EXPECT_TRUE(Authenticate(Signed(again)));
}

TEST_F(SignedRequests, SecretsAreSealedUnderTheirOwnKey) {
  const AccessSecrets others{NewSealingKeys(), secrets_.token_keys};
  const auto stranger = MakeAccess(*store_, others, clock_).value();
  Request request = Signed(admin_);
  EXPECT_EQ(stranger->AuthenticateSigned(request.Head(), kBody, {"ecr"}).error().code(), ErrorCode::kDamaged);
  EXPECT_FALSE(MakeAccess(*store_, {secrets_.access_keys, NewSealingKeys()}, clock_));
}

// Whoever asks after a change has been answered gets the new answer, however many fill the caches meanwhile.
TEST_F(SignedRequests, NoneBegunAfterAChangeSeesWhatWasBefore) {
  std::atomic<int> changes{0};  // odd in the middle of a change; else the key is active at multiples of four
  std::atomic<bool> stop{false}, stale{false};
  const Request request = Signed(admin_);
  const std::string password = Token();
  const auto ask = [&](bool by_token) {
    while (!stop) {
      const int before = changes;
      const bool accepted = by_token ? LogIn(password).has_value() : Authenticate(request).has_value();
      if (before % 2 == 0 && changes == before && accepted != (before % 4 == 0)) stale = true;
    }
  };
  std::vector<std::thread> clients;
  for (const bool by_token : {true, false, true}) clients.emplace_back(ask, by_token);
  for (int i = 0; i < 40; ++i) {
    ++changes;
    SetActive(i % 2 != 0);
    ++changes;
    std::this_thread::yield();
  }
  stop = true;
  for (std::thread& client : clients) client.join();
  EXPECT_FALSE(stale);
}

}  // namespace
}  // namespace entrepot::access
