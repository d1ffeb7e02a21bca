#include "registry/images.h"

#include <algorithm>
#include <thread>

#include <gmock/gmock.h>

#include "registry/test_registry.h"

namespace entrepot::registry {
namespace {

using testing::ElementsAre;

class ImagesTest : public RegistryTest {
 protected:
  Result<StoredManifestPtr> GetByTag(const Repository& in, const std::string& tag) {
    return registry->images->Get(in, {std::nullopt, ImageTag::Trusted(tag)});
  }
  RepositoryPtr repository = registry->Create("team/app");
};

TEST_F(ImagesTest, WhatWasPushedComesBackByteForByte) {
  ASSERT_TRUE(registry->PushImage(*repository, "config", {"layer 1", "layer 2"}, "v1"));
  const std::string manifest = TestRegistry::ManifestOf("config", {"layer 1", "layer 2"});
  const StoredManifestPtr stored = Must(GetByTag(*repository, "v1"));
  EXPECT_EQ(*stored->content, manifest);
  EXPECT_EQ(stored->digest, TestRegistry::DigestOf(manifest));
  EXPECT_EQ(Must(registry->Pull(*repository, TestRegistry::DigestOf("layer 2"))), "layer 2");
  const ImageDetail detail = Must(registry->images->Describe(*repository, {stored->digest, std::nullopt}));
  EXPECT_EQ(detail.image_size, 6 + 7 + 7);
  EXPECT_THAT(detail.tags, ElementsAre("v1"));
}

TEST_F(ImagesTest, ADamagedManifestReadsAsAbsentAndIsHealedByTheNextPush) {
  Must(registry->PushImage(*repository, "config", {"layer"}, "v1"));
  const std::string manifest = TestRegistry::ManifestOf("config", {"layer"});
  std::string damaged = manifest;
  damaged[damaged.size() / 2] ^= 1;
  Must(registry->store->Write([&](metadata::WriteTransaction& transaction) -> Result<> {
    TRY(transaction->Run("UPDATE manifests SET content = $1", AsBytes(damaged)));
    return {};
  }));
  EXPECT_EQ(CodeOf(GetByTag(*repository, "v1")), ErrorCode::kImageNotFound);
  Must(registry->Put(*repository, manifest));
  EXPECT_EQ(*Must(GetByTag(*repository, "v1"))->content, manifest);
}

TEST_F(ImagesTest, AManifestNeedsEveryLayerAndChild) {
  Must(registry->Push(*repository, "config"));
  const auto missing = registry->Put(*repository, TestRegistry::ManifestOf("config", {"a", "b"}));
  ASSERT_EQ(CodeOf(missing), ErrorCode::kLayersNotFound);
  EXPECT_THAT(std::string(missing.error().fact("digests")),
              testing::AllOf(testing::HasSubstr(TestRegistry::DigestOf("a").ToString()),
                             testing::HasSubstr(TestRegistry::DigestOf("b").ToString())));
  const std::string child = TestRegistry::ManifestOf("config", {});
  EXPECT_EQ(CodeOf(registry->Put(*repository, TestRegistry::IndexOf({child}))),
            ErrorCode::kReferencedImagesNotFound);
  Must(registry->Put(*repository, child));
  EXPECT_TRUE(registry->Put(*repository, TestRegistry::IndexOf({child})));
}

TEST_F(ImagesTest, ALayerOfAnotherRepositoryIsNotThere) {
  const RepositoryPtr other = registry->Create("team/other");
  Must(registry->Push(*other, "config"));
  EXPECT_EQ(CodeOf(registry->Put(*repository, TestRegistry::ManifestOf("config", {}))),
            ErrorCode::kLayersNotFound);
  EXPECT_EQ(CodeOf(registry->layers->Open(*repository, TestRegistry::DigestOf("config"))),
            ErrorCode::kLayerNotFound);
}

TEST_F(ImagesTest, AMovedTagIsSeenByTheNextRequest) {
  Must(registry->PushImage(*repository, "one", {}, "latest"));
  const StoredManifestPtr first = Must(GetByTag(*repository, "latest"));
  ASSERT_EQ(registry->images->TryGet(*repository, "latest"), first);  // from memory
  Must(registry->PushImage(*repository, "two", {}, "latest"));
  EXPECT_EQ(registry->images->TryGet(*repository, "latest"), nullptr);
  EXPECT_NE(Must(GetByTag(*repository, "latest"))->digest, first->digest);
}

TEST_F(ImagesTest, TagRulesFollowTheModeAndItsExclusions) {
  struct Case {
    TagMutability mode;
    const char* tag;
    bool may_move;
  };
  int number = 0;
  for (const Case& c :
       {Case{TagMutability::kMutable, "v1", true}, Case{TagMutability::kImmutable, "v1", false},
        Case{TagMutability::kImmutableWithExclusion, "dev-1", true},
        Case{TagMutability::kImmutableWithExclusion, "v1", false},
        Case{TagMutability::kMutableWithExclusion, "dev-1", false},
        Case{TagMutability::kMutableWithExclusion, "v1", true}}) {
    const bool with_filters =
        c.mode == TagMutability::kImmutableWithExclusion || c.mode == TagMutability::kMutableWithExclusion;
    NewRepository wanted{.name = RepositoryName::Trusted("modes/r" + std::to_string(number++)),
                         .tag_mutability = c.mode};
    if (with_filters) wanted.tag_exclusions = {"dev-*"};
    const RepositoryPtr r = Must(registry->repositories->Create(TestRegistryName(), wanted));
    Must(registry->PushImage(*r, "one", {}, c.tag));
    const auto moved = registry->PushImage(*r, "two", {}, c.tag);
    EXPECT_EQ(moved.has_value(), c.may_move) << number;
    if (!moved) EXPECT_EQ(moved.error().code(), ErrorCode::kImageTagImmutable);
    // The same digest again is no move, whatever the mode.
    const auto again = registry->Put(*r, TestRegistry::ManifestOf(c.may_move ? "two" : "one", {}), c.tag);
    ASSERT_TRUE(again);
    EXPECT_FALSE(again->created || again->tag_moved);
  }
}

TEST_F(ImagesTest, AChangeOfTheModeHoldsForWhoLookedTheRepositoryUpBefore) {
  const NewRepository wanted{.name = RepositoryName::Trusted("modes/changed"),
                             .tag_mutability = TagMutability::kMutable};
  const RepositoryPtr looked_up = Must(registry->repositories->Create(TestRegistryName(), wanted));
  Must(registry->PushImage(*looked_up, "one", {}, "v1"));
  Must(registry->repositories->SetTagMutability(*looked_up, TagMutability::kImmutable, {}));
  const auto refused = registry->PushImage(*looked_up, "two", {}, "v1");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), ErrorCode::kImageTagImmutable);
  Must(registry->repositories->SetTagMutability(*looked_up, TagMutability::kImmutableWithExclusion, {"v*"}));
  EXPECT_TRUE(registry->PushImage(*looked_up, "two", {}, "v1"));
}

TEST_F(ImagesTest, AChildGoesOnlyAfterItsIndex) {
  Must(registry->PushImage(*repository, "config", {}, "child"));
  const std::string child = TestRegistry::ManifestOf("config", {});
  const std::string index = TestRegistry::IndexOf({child});
  Must(registry->Put(*repository, index, "index"));
  const Digest child_digest = TestRegistry::DigestOf(child), index_digest = TestRegistry::DigestOf(index);
  EXPECT_EQ(CodeOf(registry->images->Delete(*repository, {child_digest, std::nullopt}, true)),
            ErrorCode::kImageReferencedByIndex);
  EXPECT_EQ(CodeOf(registry->images->Delete(*repository, {std::nullopt, ImageTag::Trusted("child")}, true)),
            ErrorCode::kImageReferencedByIndex);
  EXPECT_TRUE(registry->images->Delete(*repository, {std::nullopt, ImageTag::Trusted("child")}, false));
  EXPECT_TRUE(registry->images->Delete(*repository, {index_digest, std::nullopt}, true));
  EXPECT_TRUE(registry->images->Delete(*repository, {child_digest, std::nullopt}, true));
}

TEST_F(ImagesTest, DeletingByTagTakesTheImageWithItsLastTag) {
  Must(registry->PushImage(*repository, "config", {}, "a"));
  Must(registry->PushImage(*repository, "config", {}, "b"));
  const Digest digest = TestRegistry::DigestOf(TestRegistry::ManifestOf("config", {}));
  Must(registry->images->Delete(*repository, {std::nullopt, ImageTag::Trusted("a")}, true));
  EXPECT_TRUE(registry->images->Get(*repository, {digest, std::nullopt}));
  const auto mismatch =
      registry->images->Delete(*repository, {TestRegistry::DigestOf("other"), ImageTag::Trusted("b")}, true);
  EXPECT_EQ(CodeOf(mismatch), ErrorCode::kImageTagDigestMismatch);
  const Images::Deleted gone =
      Must(registry->images->Delete(*repository, {std::nullopt, ImageTag::Trusted("b")}, true));
  ASSERT_EQ(gone.size(), 1u);
  EXPECT_EQ(gone[0].tag, "b");
  EXPECT_EQ(registry->images->TryGet(*repository, digest.ToString()), nullptr);
  EXPECT_EQ(CodeOf(registry->images->Get(*repository, {digest, std::nullopt})), ErrorCode::kImageNotFound);
}

// As two nodes on one store: between the question and the write nobody else writes there.
TEST(ImagesOnPostgres, OfTwinsOnOneConditionOneGoesAhead) {
  if (metadata::sql::TestPostgresUrl().empty()) GTEST_SKIP() << metadata::sql::kNoTestPostgres;
  metadata::sql::TestSchema schema;
  metadata::sql::TestDirectory directory;
  ManualClock clock;
  TestRegistry one(directory, clock, {.database = schema.url()});
  TestRegistry other(directory, clock, {.database = schema.url()});
  const RepositoryPtr repository = one.Create("team/app");
  Must(one.Push(*repository, "config"));
  Must(one.Push(*repository, "other config"));
  const auto make = [&](TestRegistry& node, const std::string& config, int round) {
    return node.images
        ->Put(*repository, {.content = TestRegistry::ManifestOf(config, {}),
                            .tags = {ImageTag::Trusted("v" + std::to_string(round))},
                            .condition = [](const std::optional<Digest>& present) { return !present; }})
        .has_value();
  };
  for (int round = 0; round < 50; ++round) {
    bool made_by_other = false;
    std::thread twin([&] { made_by_other = make(other, "other config", round); });
    const bool made = make(one, "config", round);
    twin.join();
    EXPECT_NE(made, made_by_other) << round;
  }
}

TEST_F(ImagesTest, ListsAreNewestFirstAndPagedWithoutGapsOrRepeats) {
  std::vector<std::string> expected;
  for (int i = 0; i < 25; ++i) {
    if (i % 3 != 0) clock.Advance(std::chrono::seconds(1));  // some share their time
    const std::string config = "config " + std::to_string(i);
    Must(registry->Push(*repository, config));
    Must(registry->Put(*repository, TestRegistry::ManifestOf(config, {}),
                       i % 2 ? "t" + std::to_string(i) : ""));
    if (i % 5 == 1)
      Must(registry->Put(*repository, TestRegistry::ManifestOf(config, {}), "u" + std::to_string(i)));
  }
  for (const TagStatus status : {TagStatus::kAny, TagStatus::kTagged, TagStatus::kUntagged}) {
    std::vector<ImageDetail> whole =
        Must(registry->images->List(*repository, {status}, {.limit = 1000})).entries;
    EXPECT_EQ(whole.size(), status == TagStatus::kAny ? 25u : status == TagStatus::kTagged ? 14u : 11u);
    EXPECT_TRUE(std::ranges::is_sorted(whole, [](const ImageDetail& a, const ImageDetail& b) {
      return a.pushed_at > b.pushed_at || (a.pushed_at == b.pushed_at && a.digest < b.digest);
    }));
    for (const int limit : {1, 2, 7}) {
      std::vector<Digest> paged;
      PageRequest request{.limit = limit};
      do {
        Page<ImageDetail> page = Must(registry->images->List(*repository, {status}, request));
        EXPECT_LE(page.entries.size(), static_cast<std::size_t>(limit));
        for (const ImageDetail& detail : page.entries) paged.push_back(detail.digest);
        request.after = page.next;
      } while (!request.after.empty());
      ASSERT_EQ(paged.size(), whole.size());
      for (std::size_t i = 0; i < paged.size(); ++i) EXPECT_EQ(paged[i], whole[i].digest);
    }
  }
  std::vector<std::string> ids;
  PageRequest request{.limit = 4};
  do {
    auto page = Must(registry->images->ListIds(*repository, {}, request));
    for (const Images::ImageId& id : page.entries) ids.push_back(id.digest.ToString() + id.tag);
    request.after = page.next;
  } while (!request.after.empty());
  std::ranges::sort(ids);
  EXPECT_EQ(std::ranges::adjacent_find(ids), ids.end());
  EXPECT_EQ(ids.size(), 11u + 12u + 5u);  // untagged images, tags t…, tags u…
}

TEST_F(ImagesTest, TagsAreListedInByteOrderFromAnywhere) {
  for (const char* tag : {"b", "a", "B", "a.1", "a-1", "a1"})
    Must(registry->PushImage(*repository, "config", {}, tag));
  EXPECT_THAT(Must(registry->images->ListTags(*repository, {.limit = 10})).entries,
              ElementsAre("B", "a", "a-1", "a.1", "a1", "b"));
  const auto page = Must(registry->images->ListTags(*repository, {.limit = 2, .after = "a"}));
  EXPECT_THAT(page.entries, ElementsAre("a-1", "a.1"));
  EXPECT_EQ(page.next, "a.1");
}

TEST_F(ImagesTest, ADeletedRepositoryIsGoneAtOnceAndItsNameIsFree) {
  Must(registry->PushImage(*repository, "config", {"layer"}, "v1"));
  const auto name = RepositoryName::Trusted("team/app");
  EXPECT_EQ(CodeOf(registry->repositories->Delete(TestRegistryName(), name, false)),
            ErrorCode::kRepositoryNotEmpty);
  Must(registry->repositories->Delete(TestRegistryName(), name, true));
  EXPECT_EQ(registry->repositories->TryFind(TestRegistryName(), "team/app"), nullptr);
  // A writer that looked the repository up before is refused by its id.
  EXPECT_EQ(CodeOf(registry->Put(*repository, TestRegistry::ManifestOf("config", {"layer"}), "v1")),
            ErrorCode::kRepositoryNotFound);
  const RepositoryPtr again = registry->Create("team/app");
  EXPECT_NE(again->id, repository->id);
  EXPECT_EQ(CodeOf(GetByTag(*again, "v1")), ErrorCode::kImageNotFound);
  EXPECT_EQ(CodeOf(registry->layers->Claim(*again, TestRegistry::DigestOf("layer"))),
            ErrorCode::kLayerNotFound);
}

}  // namespace
}  // namespace entrepot::registry
