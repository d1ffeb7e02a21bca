// Tokens of docker login: what they are, and everything that ends them.

#include <algorithm>

#include "access/access_test_support.h"
#include "access/token_keys.h"

namespace entrepot::access {
namespace {

using RegistryTokens = StoreAccessTest;

TEST_F(RegistryTokens, LogTheirPrincipalIn) {
  const RegistryToken token = access_->IssueRegistryToken(*AdminCaller(), kRegistry).value();
  EXPECT_EQ(token.expires_at, clock_.Now() + 12h);
  EXPECT_FALSE(Remembers(token.password));
  const auto caller = LogIn(token.password);
  ASSERT_TRUE(caller) << caller.error().ToString();
  EXPECT_EQ(caller->caller->arn, "arn:aws:iam::123456789012:user/admin");
  EXPECT_EQ(caller->default_registry, kRegistry);
  EXPECT_FALSE(caller->expired);
  EXPECT_TRUE(Remembers(token.password));
}

TEST_F(RegistryTokens, AreTextThatEveryClientTakesApart) {
  for (int i = 0; i < 50; ++i) {
    const std::string password = Token();
    EXPECT_LT(password.size(), 2048u);
    EXPECT_EQ(password.find_first_not_of("0123456789abcdef"), password.npos);
    EXPECT_EQ(Base64Encode(AsBytes("AWS:" + password)).find_first_of("+/-_"), std::string::npos);
  }
}

TEST_F(RegistryTokens, ChangedAnywhereAreNone) {
  const std::string password = Token();
  for (std::size_t i = 0; i < password.size(); ++i) {
    std::string changed = password;
    changed[i] = changed[i] == '0' ? '1' : '0';
    EXPECT_EQ(LogInCode(changed), ErrorCode::kRegistryTokenInvalid) << i;
  }
  for (const std::string& bad :
       {password.substr(2), password + "00", std::string(), admin_.secret, std::string(5000, 'a')})
    EXPECT_EQ(LogInCode(bad), ErrorCode::kRegistryTokenInvalid) << bad;
}

TEST_F(RegistryTokens, ATextOfAnotherPurposeIsNone) {
  const std::string sealed = access_->Seal("registry token", "text");
  EXPECT_EQ(LogInCode(HexEncode(*Base64UrlDecode(sealed))), ErrorCode::kRegistryTokenInvalid);
}

TEST_F(RegistryTokens, BasicCredentialsAreReadStrictly) {
  const std::string password = Token();
  const auto code = [&](std::string authorization) {
    Request request;
    request.Add("authorization", std::move(authorization));
    const auto caller = access_->AuthenticateRegistry(request.Head());
    return caller ? ErrorCode::kInternal : caller.error().code();
  };
  const auto basic = [](const std::string& text) { return "Basic " + Base64Encode(AsBytes(text)); };
  const std::string encoded = Base64Encode(AsBytes("AWS:" + password));
  EXPECT_EQ(code("Basic " + encoded), ErrorCode::kInternal);  // accepted
  EXPECT_EQ(code("basic  " + encoded), ErrorCode::kInternal);
  for (const std::string& bad :
       {"Bearer " + encoded, "Basic" + encoded, std::string("Basic"), std::string("Basic "),
        "Basic " + encoded + " ", "Basic !" + encoded, basic("AWS:" + password + ":"),
        basic("aws:" + password), basic("AWS" + password), basic(admin_.id + ":" + admin_.secret),
        std::string()})
    EXPECT_EQ(code(bad), ErrorCode::kRegistryTokenInvalid) << bad;
  Request none;
  EXPECT_EQ(access_->AuthenticateRegistry(none.Head()).error().code(), ErrorCode::kMissingAuthentication);
  EXPECT_FALSE(access_->TryAuthenticateRegistry(none.Head()));
}

TEST_F(RegistryTokens, LiveTwelveHours) {
  const std::string password = Token();
  ASSERT_TRUE(LogIn(password));
  clock_.Advance(12h - 1s);
  EXPECT_TRUE(Remembers(password));
  clock_.Advance(1s);
  EXPECT_FALSE(Remembers(password));
  const auto late = LogIn(password);  // who it was, for an hour, and that it is over (design-access 3)
  ASSERT_TRUE(late);
  EXPECT_TRUE(late->expired);
  EXPECT_FALSE(Remembers(password));
  clock_.Advance(1h);
  EXPECT_TRUE(LogIn(password)->expired);
  clock_.Advance(1s);
  EXPECT_EQ(LogInCode(password), ErrorCode::kRegistryTokenExpired);
}

TEST_F(RegistryTokens, ExpiredOnesDieWithTheirAccessKeyToo) {
  const std::string password = Token();
  clock_.Advance(12h + 1s);
  ASSERT_TRUE(LogIn(password)->expired);
  SetActive(false);
  EXPECT_EQ(LogInCode(password), ErrorCode::kRegistryTokenInvalid);
}

TEST_F(RegistryTokens, DieWithTheirAccessKeyAtOnce) {
  const std::string password = Token();
  ASSERT_TRUE(LogIn(password));
  SetActive(false);
  EXPECT_FALSE(Remembers(password));
  EXPECT_EQ(LogInCode(password), ErrorCode::kRegistryTokenInvalid);
  SetActive(true);
  EXPECT_TRUE(LogIn(password));
}

TEST_F(RegistryTokens, AreOfThePrincipalNotOfItsName) {
  const std::string password = Token();
  ASSERT_TRUE(LogIn(password));
  DeleteAdmin();
  EXPECT_FALSE(Remembers(password));
  EXPECT_EQ(LogInCode(password), ErrorCode::kRegistryTokenInvalid);
  // The same name and the very same access key, but another user.
  ASSERT_TRUE(EnsureAdministrator(*store_, secrets_, kAccount, admin_).value());
  EXPECT_EQ(LogInCode(password), ErrorCode::kRegistryTokenInvalid);
  EXPECT_TRUE(LogIn(Token()));
}

TEST_F(RegistryTokens, SurviveARestart) {
  const std::string password = Token();
  Restart();
  EXPECT_TRUE(LogIn(password));
}

TEST_F(RegistryTokens, DieWithTheKeyTheyAreSealedUnder) {
  const std::string password = Token();
  ASSERT_TRUE(LogIn(password));
  Change([](WriteTransaction& transaction) { return metadata::DeleteTokenKey(transaction, 1); });
  EXPECT_FALSE(Remembers(password));
  EXPECT_EQ(LogInCode(password), ErrorCode::kRegistryTokenInvalid);
  EXPECT_TRUE(LogIn(Token()));  // under a new key
}

// ---- the keys they are sealed under

TEST_F(RegistryTokens, KeysArePublishedBeforeUseAndKeptAfterIt) {
  const auto keys = TokenKeys::Open(*store_, secrets_.token_keys).value();
  ASSERT_EQ(keys->Current().id, 1);
  clock_.Advance(TokenKeys::kReplacedAfter);
  ASSERT_TRUE(keys->Maintain());
  EXPECT_EQ(keys->Current().id, 1);
  EXPECT_TRUE(keys->Find(2));
  clock_.Advance(5s);
  EXPECT_EQ(keys->Current().id, 2);
  clock_.Advance(TokenKeys::kKept - 5s);
  ASSERT_TRUE(keys->Maintain());  // makes the third; the first was replaced just 36 hours ago
  EXPECT_TRUE(keys->Find(1));
  clock_.Advance(TokenKeys::kReplacedAfter);
  ASSERT_TRUE(keys->Maintain());
  EXPECT_EQ(keys->Find(1).error().code(), ErrorCode::kRegistryTokenInvalid);
  EXPECT_TRUE(keys->Find(2));
  EXPECT_TRUE(keys->Find(4));
}

TEST_F(RegistryTokens, AnUnknownKeyAsksTheStoreAtMostOnceASecond) {
  const auto keys = TokenKeys::Open(*store_, secrets_.token_keys).value();
  EXPECT_FALSE(keys->Find(2));  // asks
  // Another node publishes a key: its commit raises no version here.
  const SecretKey secret = SecretKey::Generate();
  const ByteVector sealed = SealTokenKey(secrets_.token_keys, 2, secret);
  Change([&](WriteTransaction& transaction) {
    return transaction->Run("INSERT INTO token_keys (id, sealed, created_at) VALUES ($1, $2, $3)", 2, sealed,
                            clock_.Now());
  });
  EXPECT_FALSE(keys->Find(2));
  clock_.Advance(1s);
  EXPECT_TRUE(keys->Find(2));
}

}  // namespace
}  // namespace entrepot::access
