#include "registry/creation_templates.h"

#include "metadata/policies.h"
#include "registry/refs.h"
#include "registry/test_registry.h"

namespace entrepot::registry {
namespace {

using enum CreationScenario;

class Templates : public RegistryTest {
 protected:
  static RepositoryName Name(const std::string& text) { return RepositoryName::Trusted(text); }
  void Make(const std::string& prefix, int applied_for, TagMutability mode = TagMutability::kImmutable) {
    Must(templates.Create(TestRegistryName(),
                          {.prefix = prefix, .applied_for = applied_for, .tag_mutability = mode}));
  }
  Result<RepositoryPtr> Arrive(const std::string& name, CreationScenario scenario) {
    return templates.CreateRepository(TestRegistryName(), Name(name), scenario);
  }
  bool Covers(const std::string& name, CreationScenario scenario) {
    return Must(templates.Covers(TestRegistryName(), Name(name), scenario));
  }

  CreationTemplates templates{*registry->store, *registry->repositories};
};

constexpr int kPush = static_cast<int>(kCreateOnPush), kPull = static_cast<int>(kPullThroughCache),
              kCopy = static_cast<int>(kReplication);

TEST_F(Templates, OnlyAPushNeedsOne) {
  EXPECT_FALSE(Covers("team/app", kCreateOnPush));
  EXPECT_EQ(CodeOf(Arrive("team/app", kCreateOnPush)), ErrorCode::kRepositoryNotFound);
  for (const auto scenario : {kPullThroughCache, kReplication}) {
    const std::string name = "from/" + std::to_string(static_cast<int>(scenario));
    EXPECT_TRUE(Covers(name, scenario));
    const RepositoryPtr made = Must(Arrive(name, scenario));
    EXPECT_EQ(made->tag_mutability, TagMutability::kMutable);
    EXPECT_EQ(made->id, registry->Find(name)->id);
  }
}

TEST_F(Templates, AreChosenByTheLongestPrefixOfTheScenario) {
  Make("ROOT", kPush | kCopy, TagMutability::kMutable);
  Make("team/", kPush);
  Make("team/a", kPull, TagMutability::kMutable);
  EXPECT_EQ(Must(Arrive("app", kCreateOnPush))->tag_mutability, TagMutability::kMutable);
  EXPECT_EQ(Must(Arrive("teams/app", kCreateOnPush))->tag_mutability, TagMutability::kMutable);
  EXPECT_EQ(Must(Arrive("team/a/app", kCreateOnPush))->tag_mutability, TagMutability::kImmutable);
  EXPECT_EQ(Must(Arrive("team/a/copy", kReplication))->tag_mutability, TagMutability::kMutable);
  EXPECT_EQ(Must(Arrive("team/a/pulled", kPullThroughCache))->tag_mutability, TagMutability::kMutable);
}

TEST_F(Templates, LeaveARepositoryThatIsThereAsItIs) {
  Make("team", kPush);
  const RepositoryPtr there = registry->Create("team/app");
  const RepositoryPtr found = Must(Arrive("team/app", kCreateOnPush));
  EXPECT_EQ(found->id, there->id);
  EXPECT_EQ(found->tag_mutability, TagMutability::kMutable);
}

TEST_F(Templates, GiveTheirTagsAndPolicyInTheSameTransaction) {
  Must(templates.Create(TestRegistryName(), {.prefix = "team",
                                             .applied_for = kPush,
                                             .tags = {{"stage", "test"}, {"team", "build"}},
                                             .repository_policy = "{}"}));
  const RepositoryPtr made = Must(Arrive("team/app", kCreateOnPush));
  EXPECT_EQ(Must(registry->repositories->ResourceTags(*made)),
            (std::vector<ResourceTag>{{"stage", "test"}, {"team", "build"}}));
  EXPECT_EQ(Must(registry->store->Read([&](metadata::sql::Session& session) {
              return metadata::FindRepositoryPolicy(session, RefOf(*made));
            })),
            "{}");
}

TEST_F(Templates, AChangeThatIsRefusedChangesNothing) {
  Make("team", kPush);
  const auto refused = templates.Update(TestRegistryName(), "team", [](CreationTemplate& to) -> Result<> {
    to.description = "half done";
    return Fail(ErrorCode::kInvalidParameter);
  });
  EXPECT_EQ(CodeOf(refused), ErrorCode::kInvalidParameter);
  EXPECT_FALSE(Must(templates.Find(TestRegistryName(), "team"))->description);
}

TEST_F(Templates, TheQuotaHoldsForWhatTheyMakeToo) {
  Repositories two(*registry->store, *registry->keys, *registry->caches, {.repositories = 2});
  CreationTemplates bounded(*registry->store, two);
  Make("ROOT", kPush);
  for (const char* name : {"one", "two"})
    Must(bounded.CreateRepository(TestRegistryName(), Name(name), kCreateOnPush));
  EXPECT_EQ(CodeOf(bounded.CreateRepository(TestRegistryName(), Name("three"), kCreateOnPush)),
            ErrorCode::kLimitExceeded);
  EXPECT_EQ(CodeOf(two.Create(TestRegistryName(), {.name = Name("three")})), ErrorCode::kLimitExceeded);
  EXPECT_EQ(CodeOf(two.Find(TestRegistryName(), Name("three"))), ErrorCode::kRepositoryNotFound);
  Must(two.Delete(TestRegistryName(), Name("one"), false));
  Must(two.Create(TestRegistryName(), {.name = Name("three")}));
}

}  // namespace
}  // namespace entrepot::registry
