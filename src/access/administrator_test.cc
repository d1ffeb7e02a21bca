// First start, the way back in, and texts sealed for one purpose.

#include "access/administrator.h"

#include "access/access_test_support.h"

namespace entrepot::access {
namespace {

using Administrator = StoreAccessTest;
using SealedTexts = StoreAccessTest;

const AccountId kOther = AccountId::Trusted("999999999999");

TEST_F(Administrator, IsMadeOnce) {
  EXPECT_FALSE(EnsureAdministrator(*store_, secrets_, kAccount).value());
  EXPECT_TRUE(Authenticate(Signed(admin_)));
  EXPECT_EQ(admin_.id.size(), 20u);
  EXPECT_EQ(admin_.secret.size(), 40u);
  const AccessKey given{"AKIAGIVENBYAPERSON00", "given+secret/of/a/person"};
  const auto made = EnsureAdministrator(*store_, secrets_, kOther, given).value();
  ASSERT_TRUE(made);
  EXPECT_EQ(made->id, given.id);
  EXPECT_EQ(Authenticate(Signed(given))->caller->arn, "arn:aws:iam::999999999999:user/admin");
}

TEST_F(Administrator, AGivenKeyMustBeOne) {
  const std::string id = "AKIAGIVENBYAPERSON00", secret = "0123456789abcdef0123";
  for (const AccessKey& bad :
       {AccessKey{"short", secret}, AccessKey{"AKIA WITH BLANKS 000", secret}, AccessKey{id, "short"},
        AccessKey{id, "with blanks in it, so no"}, AccessKey{admin_.id, secret}})
    EXPECT_EQ(EnsureAdministrator(*store_, secrets_, kOther, bad).error().code(), ErrorCode::kConfiguration)
        << bad.id;
  EXPECT_TRUE(EnsureAdministrator(*store_, secrets_, kOther).value());  // nothing was left half made
}

TEST_F(Administrator, AResetGivesANewKeyAndEndsTheOldOnes) {
  const std::string password = Token();
  ASSERT_TRUE(LogIn(password));
  PutPolicy(R"({"Version":"2012-10-17","Statement":[]})");
  const CallerPtr before = AdminCaller();
  const AccessKey fresh = ResetAdministratorKey(*store_, secrets_, kAccount).value();
  EXPECT_EQ(SignedCode(Signed(admin_)), ErrorCode::kUnknownAccessKey);
  EXPECT_EQ(LogInCode(password), ErrorCode::kRegistryTokenInvalid);
  const CallerPtr after = Authenticate(Signed(fresh))->caller;
  EXPECT_EQ(after->unique_id, before->unique_id);
  EXPECT_TRUE(access_->Authorize(*after, "ecr:CreateRepository", "*", {}));
  admin_ = fresh;
  DeleteAdmin();
  const AccessKey again = ResetAdministratorKey(*store_, secrets_, kAccount).value();
  EXPECT_TRUE(Authenticate(Signed(again)));
}

TEST_F(SealedTexts, OpenForTheirPurposeOnly) {
  const std::string sealed = access_->Seal("page", "cursor");
  EXPECT_EQ(sealed.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
            sealed.npos);
  EXPECT_EQ(access_->Open("page", sealed), "cursor");
  EXPECT_EQ(access_->Open("page", access_->Seal("page", "")), "");
  EXPECT_FALSE(access_->Open("upload-location", sealed));
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(access_->Open("page", changed)) << i;
  }
  EXPECT_FALSE(access_->Open("page", ""));
}

TEST_F(SealedTexts, OutliveTheKeyThatIsCurrent) {
  const std::string sealed = access_->Seal("page", "cursor");
  clock_.Advance(25h);
  Token();  // renews the key
  clock_.Advance(10s);
  EXPECT_NE(access_->Seal("page", "cursor").substr(0, 12), sealed.substr(0, 12));  // version and key id
  EXPECT_EQ(access_->Open("page", sealed), "cursor");
}

}  // namespace
}  // namespace entrepot::access
