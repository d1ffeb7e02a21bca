// Accounting: whatever is pushed, mounted and deleted, in whatever order, the figures that are kept are those
// that a count from scratch gives.

#include "metadata/usage.h"

#include <random>

#include <gtest/gtest.h>

#include "registry/test_registry.h"

namespace entrepot::registry {
namespace {

using std::chrono::hours;

class UsageTest : public RegistryTest {
 protected:
  metadata::RepositoryRef RefTo(const Repository& repository) {
    return {static_cast<std::int64_t>(repository.registry_id), static_cast<std::int64_t>(repository.id)};
  }
  metadata::Usage UsageOf(const Repository& repository) {
    return Must(registry->store->Read(
        [&](metadata::sql::Session& session) { return metadata::FindUsage(session, RefTo(repository)); }));
  }
  metadata::RegistryUsage Total(const Repository& repository) {
    return Must(registry->store->Read([&](metadata::sql::Session& session) {
      return metadata::FindRegistryUsage(session, RefTo(repository).registry);
    }));
  }
  void ExpectTruth() {
    Must(registry->store->Read([&](metadata::sql::Session& session) -> Result<> {
      for (const metadata::NamedUsage& entry : Must(metadata::ListUsage(session, {}, 1000)))
        EXPECT_TRUE(entry.usage == Must(metadata::CountUsage(session, entry.ref))) << entry.name;
      for (const metadata::NamedRegistryUsage& entry : Must(metadata::ListRegistryUsage(session)))
        EXPECT_TRUE(entry.usage == Must(metadata::CountRegistryUsage(session, entry.registry)));
      return {};
    }));
  }
};

TEST_F(UsageTest, UniqueSharedAndTotal) {
  const RepositoryPtr a = registry->Create("a"), b = registry->Create("b"), c = registry->Create("c");
  const std::string manifest = TestRegistry::ManifestOf("config", {std::string(9000, 'x')});
  Must(registry->PushImage(*a, "config", {std::string(9000, 'x')}, "v1"));
  const auto bytes = static_cast<std::int64_t>(manifest.size());
  EXPECT_TRUE(UsageOf(*a) == (metadata::Usage{2, 9006, 0, 0, 1, bytes}));
  Must(registry->layers->Mount(*a, *b, TestRegistry::DigestOf("config")));
  EXPECT_TRUE(UsageOf(*a) == (metadata::Usage{2, 9000, 6, 0, 1, bytes}));
  EXPECT_TRUE(UsageOf(*b) == (metadata::Usage{1, 0, 6, 0, 0, 0}));
  Must(registry->Push(*c, "config"));
  EXPECT_TRUE(Total(*a) == (metadata::RegistryUsage{2, 9006, 0}));
  Must(registry->repositories->Delete(TestRegistryName(), a->name, true));
  Must(registry->layers->Delete(*c, TestRegistry::DigestOf("config")));
  registry->CollectAll();
  EXPECT_TRUE(UsageOf(*b) == (metadata::Usage{1, 6, 0, 0, 0, 0}));
  EXPECT_TRUE(UsageOf(*c) == metadata::Usage{});
  EXPECT_TRUE(Total(*b) == (metadata::RegistryUsage{1, 6, 0}));
}

TEST_F(UsageTest, WhatAnImageAloneNeeds) {
  const RepositoryPtr a = registry->Create("a"), b = registry->Create("b");
  Must(registry->PushImage(*a, "one", {"base layer", "own"}, "one"));
  Must(registry->PushImage(*a, "two", {"base layer"}, "two"));
  Must(registry->Push(*b, "one"));
  const auto usage = Must(registry->store->Read([&](metadata::sql::Session& session) {
    return metadata::CountImageUsage(
        session, RefTo(*a), TestRegistry::DigestOf(TestRegistry::ManifestOf("one", {"base layer", "own"})));
  }));
  EXPECT_EQ(usage.unique_bytes, 3);
  EXPECT_EQ(usage.shared_bytes, 13);
}

TEST_F(UsageTest, AnyRunOfPushesMountsAndDeletesAddsUp) {
  for (const unsigned seed : {1u, 2u, 3u}) {
    std::mt19937 random(seed);
    const auto pick = [&](int n) { return static_cast<int>(random() % static_cast<unsigned>(n)); };
    std::vector<RepositoryPtr> repositories;
    for (int i = 0; i < 4; ++i)
      repositories.push_back(registry->Create("seed" + std::to_string(seed) + "/r" + std::to_string(i)));
    const auto content = [&] { return std::string(static_cast<std::size_t>(1 + pick(12)) * 700, 'z'); };
    for (int step = 0; step < 250; ++step) {
      RepositoryPtr& repository = repositories[static_cast<std::size_t>(pick(4))];
      const Repository& other = *repositories[static_cast<std::size_t>(pick(4))];
      const std::string tag = "t" + std::to_string(pick(5));
      switch (pick(8)) {
        case 0:
        case 1:
          Must(registry->Push(*repository, content()));
          break;
        case 2:
        case 3:
          Must(registry->PushImage(*repository, "config " + std::to_string(pick(4)), {content(), content()},
                                   tag));
          break;
        case 4:
          Must(registry->layers->Mount(other, *repository, TestRegistry::DigestOf(content())));
          break;
        case 5:
          (void)registry->layers->Delete(*repository, TestRegistry::DigestOf(content()));
          break;
        case 6:
          (void)registry->images->Delete(*repository, {std::nullopt, ImageTag::Trusted(tag)}, true);
          break;
        case 7:
          if (pick(6) == 0) {
            Must(registry->repositories->Delete(TestRegistryName(), repository->name, true));
            repository = registry->Create(repository->name.str());
          } else {
            clock.Advance(hours(5));
            registry->CollectAll();
          }
          break;
      }
      if (step % 25 == 0) ExpectTruth();
    }
    registry->CollectAll();
    ExpectTruth();
  }
}

}  // namespace
}  // namespace entrepot::registry
