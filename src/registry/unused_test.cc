// Reports of what nobody needs: by its last push and pull, with what would really be freed.

#include "metadata/unused.h"

#include <gmock/gmock.h>

#include "metadata/sql/statement_trace.h"
#include "registry/refs.h"
#include "registry/test_registry.h"

namespace entrepot::registry {
namespace {

using std::chrono::hours;
using testing::ElementsAre;

class UnusedTest : public RegistryTest {
 protected:
  std::vector<metadata::UnusedImage> Unused(Timestamp since,
                                            const std::optional<metadata::ImageCursor>& after = {},
                                            int limit = 100) {
    return Must(registry->store->Read([&](metadata::sql::Session& session) {
      return metadata::ListUnusedImages(session, RefOf(*app), since, after, limit);
    }));
  }
  metadata::RepositoryActivity Activity() {
    return Must(registry->store->Read(
                    [](metadata::sql::Session& session) { return metadata::ListActivity(session, {}, 10); }))
        .at(0);
  }
  void Pull(const Digest& image) {
    Must(registry->store->Write([&](metadata::WriteTransaction& transaction) {
      return metadata::SetLastPulled(transaction, RefOf(*app), image, transaction.now(), transaction.now());
    }));
  }
  static std::vector<std::string> TagsOf(const std::vector<metadata::UnusedImage>& images) {
    std::vector<std::string> tags;
    for (const metadata::UnusedImage& image : images)
      tags.push_back(image.tags.empty() ? "" : image.tags.front());
    return tags;
  }

  RepositoryPtr app = registry->Create("team/app");
};

TEST_F(UnusedTest, ImagesAreUnusedByPushAndPull) {
  const std::string shared(5000, 's');
  const Digest old_one = Must(registry->PushImage(*app, "1", {shared, std::string(7000, 'a')}, "old")).digest;
  const Digest pulled = Must(registry->PushImage(*app, "22", {shared}, "pulled")).digest;
  clock.Advance(hours(48));
  Must(registry->PushImage(*app, "333", {}, "new"));
  Pull(pulled);
  const auto unused = Unused(clock.Now() - hours(24));
  EXPECT_THAT(TagsOf(unused), ElementsAre("old"));
  EXPECT_EQ(unused[0].digest, old_one);
  EXPECT_EQ(unused[0].freed, 7001);  // the shared layer stays
  EXPECT_EQ(unused[0].last_pulled_at, std::nullopt);
  clock.Advance(hours(48));
  EXPECT_THAT(TagsOf(Unused(clock.Now() - hours(24))), ElementsAre("new", testing::_, testing::_));
}

TEST_F(UnusedTest, PagesGoOnWhereTheyEnded) {
  std::vector<std::string> seen;
  for (const char* tag : {"a", "b", "c", "d", "e"}) Must(registry->PushImage(*app, tag, {}, tag));
  clock.Advance(hours(1));
  std::optional<metadata::ImageCursor> after;
  for (;;) {
    const auto page = Unused(clock.Now(), after, 2);
    for (const std::string& tag : TagsOf(page)) seen.push_back(tag);
    if (page.size() < 2) break;
    after = metadata::ImageCursor{page.back().pushed_at, page.back().digest, ""};
  }
  EXPECT_THAT(seen, testing::UnorderedElementsAre("a", "b", "c", "d", "e"));
}

TEST_F(UnusedTest, AChildGoesWithItsIndex) {
  const std::string child = TestRegistry::ManifestOf("config", {});
  Must(registry->PushImage(*app, "config", {}, ""));
  Must(registry->Put(*app, TestRegistry::IndexOf({child}), "index"));
  clock.Advance(hours(1));
  EXPECT_THAT(TagsOf(Unused(clock.Now())), ElementsAre("index"));
}

TEST_F(UnusedTest, ARepositorySaysWhenAnythingLastHappened) {
  const Timestamp created = clock.Now();
  EXPECT_EQ(Activity().last(), created);
  clock.Advance(hours(1));
  const Timestamp pushed = clock.Now();
  const Digest image = Must(registry->PushImage(*app, "config", {}, "v1")).digest;
  EXPECT_EQ(Activity().last_push, pushed);
  EXPECT_EQ(Activity().last_pull, std::nullopt);
  EXPECT_EQ(Activity().last(), pushed);
  clock.Advance(hours(1));
  Pull(image);
  EXPECT_EQ(Activity().last_pull, clock.Now());
  EXPECT_EQ(Activity().last(), clock.Now());
}

TEST_F(UnusedTest, EveryQuestionIsAnsweredByAnIndex) {
  metadata::sql::StatementTrace trace;
  Restart();
  app = registry->Find("team/app");
  trace.Clear();
  const Digest image = Must(registry->PushImage(*app, "config", {}, "v1")).digest;
  Pull(image);
  clock.Advance(hours(1));
  Activity();
  EXPECT_EQ(Unused(clock.Now()).size(), 1u);
  int reads = 0;
  for (const std::string& statement : trace.statements()) {
    if (statement.find("last_pulled_at") == statement.npos) continue;
    ++reads;
    EXPECT_THAT(metadata::sql::FullScans(directory.File("db"), statement), testing::IsEmpty()) << statement;
    if (statement.find("ORDER BY last_pulled_at") == statement.npos) continue;
    for (const std::string& step : metadata::sql::PlanOf(directory.File("db"), statement))
      EXPECT_NE(step.find("manifests_by_pull"), step.npos) << step;
  }
  EXPECT_GE(reads, 3);
}

}  // namespace
}  // namespace entrepot::registry
