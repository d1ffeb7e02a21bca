// The rows of who may call, on both databases.

#include "metadata/identities.h"

#include <gtest/gtest.h>

#include "metadata/store_test_support.h"

namespace entrepot::metadata {
namespace {

class Identities : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (GetParam() == "postgres" && sql::TestPostgresUrl().empty()) GTEST_SKIP() << sql::kNoTestPostgres;
    if (GetParam() == "postgres") schema_.emplace();
    StoreOptions options;
    options.url = schema_ ? schema_->url() : "sqlite:" + directory_.File("store.db");
    options.clock = &clock_;
    store_ = MustOpen(options);
  }
  template <class Closure>
  auto Write(Closure closure) {
    return store_->Write(closure).value();
  }
  template <class Closure>
  auto Read(Closure closure) {
    return store_->Read(closure).value();
  }
  /// Whether `change` raised the version under which caches hold `key`.
  template <class Closure>
  bool Raises(std::uint64_t key, Closure change) {
    const std::uint64_t before = store_->versions().Current(key);
    EXPECT_TRUE(store_->Write(change));
    return store_->versions().Current(key) != before;
  }

  ManualClock clock_;
  sql::TestDirectory directory_;
  std::optional<sql::TestSchema> schema_;
  std::unique_ptr<Store> store_;
  const UserRow alice_{.account = "123456789012", .id = "AIDAALICE", .name = "alice", .created_at = {1}};
  const AccessKeyRow key_{.id = "AKIAALICE",
                          .account = "123456789012",
                          .user_id = "AIDAALICE",
                          .sealed_secret = {0, 1, 0},
                          .created_at = {2}};
};

TEST_P(Identities, UsersAreFoundByIdAndByName) {
  EXPECT_TRUE(Write([&](WriteTransaction& t) { return InsertUser(t, alice_); }));
  UserRow namesake = alice_;
  namesake.id = "AIDAOTHER";
  EXPECT_FALSE(Write([&](WriteTransaction& t) { return InsertUser(t, namesake); }));
  const auto by_name = Read([&](sql::Session& s) { return FindUserByName(s, alice_.account, "alice"); });
  ASSERT_TRUE(by_name);
  EXPECT_EQ(by_name->id, alice_.id);
  EXPECT_EQ(by_name->path, "/");
  EXPECT_EQ(by_name->created_at, alice_.created_at);
  EXPECT_TRUE(Read([&](sql::Session& s) { return FindUser(s, alice_.account, alice_.id); }));
  EXPECT_FALSE(Read([&](sql::Session& s) { return FindUser(s, "999999999999", alice_.id); }));
}

TEST_P(Identities, AccessKeysKeepTheirBytesAndTheirState) {
  EXPECT_TRUE(Write([&](WriteTransaction& t) { return InsertAccessKey(t, key_); }));
  EXPECT_FALSE(Write([&](WriteTransaction& t) { return InsertAccessKey(t, key_); }));
  auto found = Read([&](sql::Session& s) { return FindAccessKey(s, key_.id); });
  ASSERT_TRUE(found);
  EXPECT_EQ(found->sealed_secret, key_.sealed_secret);
  EXPECT_TRUE(found->active);
  EXPECT_TRUE(Raises(AccessKeyVersion(key_.id),
                     [&](WriteTransaction& t) { return SetAccessKeyActive(t, key_.id, false); }));
  found = Read([&](sql::Session& s) { return FindAccessKey(s, key_.id); });
  EXPECT_FALSE(found->active);
  EXPECT_FALSE(Write([&](WriteTransaction& t) { return SetAccessKeyActive(t, "AKIANOBODY", true); }));
  EXPECT_TRUE(Write([&](WriteTransaction& t) { return DeleteAccessKey(t, key_.id); }));
  EXPECT_FALSE(Write([&](WriteTransaction& t) { return DeleteAccessKey(t, key_.id); }));
}

TEST_P(Identities, AUserGoesWithItsKeysAndPolicies) {
  Write([&](WriteTransaction& t) { return InsertUser(t, alice_); });
  Write([&](WriteTransaction& t) { return InsertAccessKey(t, key_); });
  const auto put = [&](const char* name, const char* document) {
    return Raises(UserVersion(alice_.account, alice_.id), [&](WriteTransaction& t) {
      return PutUserPolicy(t, alice_.account, alice_.id, name, document);
    });
  };
  const auto policies = [&] {
    return Read([&](sql::Session& s) { return ListUserPolicies(s, alice_.account, alice_.id); });
  };
  EXPECT_TRUE(put("b", "1"));
  EXPECT_TRUE(put("a", "2"));
  EXPECT_TRUE(put("b", "3"));
  EXPECT_EQ(policies(), (std::vector<PolicyRow>{{"a", "2"}, {"b", "3"}}));
  EXPECT_TRUE(Raises(UserVersion(alice_.account, alice_.id), [&](WriteTransaction& t) {
    return DeleteUserPolicy(t, alice_.account, alice_.id, "a");
  }));
  EXPECT_EQ(policies().size(), 1u);
  // Whoever holds what the key means watches the key alone.
  EXPECT_TRUE(Raises(AccessKeyVersion(key_.id),
                     [&](WriteTransaction& t) { return DeleteUser(t, alice_.account, alice_.id); }));
  EXPECT_TRUE(policies().empty());
  EXPECT_FALSE(Read([&](sql::Session& s) { return FindAccessKey(s, key_.id); }));
  EXPECT_FALSE(Read([&](sql::Session& s) { return FindUser(s, alice_.account, alice_.id); }));
}

TEST_P(Identities, TokenKeysComeOldestFirst) {
  const auto insert = [&](std::int64_t id) {
    return Write([&](WriteTransaction& t) { return InsertTokenKey(t, {id, {1, 0, 2}, {id * 10}}); });
  };
  EXPECT_TRUE(insert(2));
  EXPECT_TRUE(insert(1));
  EXPECT_FALSE(insert(2));
  auto keys = Read([](sql::Session& s) { return ListTokenKeys(s); });
  ASSERT_EQ(keys.size(), 2u);
  EXPECT_EQ(keys[0].id, 1);
  EXPECT_EQ(keys[1].created_at, Timestamp{20});
  EXPECT_EQ(keys[1].sealed, (ByteVector{1, 0, 2}));
  EXPECT_TRUE(Raises(TokenKeysVersion(), [](WriteTransaction& t) { return DeleteTokenKey(t, 1); }));
  EXPECT_EQ(Read([](sql::Session& s) { return ListTokenKeys(s); }).size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Drivers, Identities, testing::Values("sqlite", "postgres"),
                         [](const auto& driver) { return driver.param; });

}  // namespace
}  // namespace entrepot::metadata
