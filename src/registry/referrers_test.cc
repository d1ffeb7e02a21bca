#include "registry/referrers.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "registry/test_registry.h"

namespace entrepot::registry {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

class ReferrersTest : public RegistryTest {
 protected:
  ReferrersTest() { Must(registry->Push(*repository_, "{}")); }

  /// A manifest about `subject`; `members` go into it as they stand.
  static std::string About(const Digest& subject, const std::string& members) {
    return R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",)" + members +
           R"(,"config":{"mediaType":"application/vnd.example.config","digest":")" +
           TestRegistry::DigestOf("{}").ToString() +
           R"(","size":2},"layers":[],"subject":{"mediaType":"a/b","digest":")" + subject.ToString() +
           R"(","size":9}})";
  }
  Digest Push(const std::string& manifest) { return Must(registry->Put(*repository_, manifest)).digest; }
  Digest PushNumbered(int number, const std::string& type) {
    return Push(About(subject_, R"("artifactType":")" + type + R"(","annotations":{"number":")" +
                                    std::to_string(number) + R"("})"));
  }

  Page<Referrer> Read(int limit = 1000, const std::string& after = "",
                      const std::vector<std::string>& types = {}) {
    return Must(
        Referrers(*registry->store).List(*repository_, subject_, {types}, {.limit = limit, .after = after}));
  }
  std::vector<Digest> ReadAll(int limit, const std::vector<std::string>& types = {}) {
    std::vector<Digest> all;
    std::string after;
    do {
      const Page<Referrer> page = Read(limit, after, types);
      EXPECT_LE(page.entries.size(), static_cast<std::size_t>(limit));
      for (const Referrer& referrer : page.entries) all.push_back(referrer.digest);
      after = page.next;
    } while (!after.empty());
    return all;
  }

  const RepositoryPtr repository_ = registry->Create("team/app");
  const Digest subject_ = TestRegistry::DigestOf("the subject, which nobody pushed");
};

TEST_F(ReferrersTest, ASubjectThatNothingNamesHasNone) {
  const Page<Referrer> page = Read();
  EXPECT_THAT(page.entries, IsEmpty());
  EXPECT_EQ(page.next, "");
}

TEST_F(ReferrersTest, AreDescribedByTheirManifests) {
  const std::string manifest =
      About(subject_, R"("artifactType":"application/vnd.example.sbom","annotations":{"b":"2","a":"1"})");
  const Digest digest = Push(manifest);
  const Page<Referrer> page = Read();
  ASSERT_EQ(page.entries.size(), 1u);
  const Referrer& referrer = page.entries.front();
  EXPECT_EQ(referrer.digest, digest);
  EXPECT_EQ(referrer.media_type, "application/vnd.oci.image.manifest.v1+json");
  EXPECT_EQ(referrer.size, static_cast<std::int64_t>(manifest.size()));
  EXPECT_EQ(referrer.artifact_type, "application/vnd.example.sbom");
  EXPECT_THAT(referrer.annotations, ElementsAre(Pair("b", "2"), Pair("a", "1")));
}

TEST_F(ReferrersTest, OneWithoutAnArtifactTypeIsOfItsConfigsMediaType) {
  Push(About(subject_, R"("annotations":{})"));
  EXPECT_EQ(Read().entries.front().artifact_type, "application/vnd.example.config");
  EXPECT_EQ(ReadAll(10, {"application/vnd.example.config"}).size(), 1u);
}

TEST_F(ReferrersTest, AreOfTheirSubjectAndRepositoryAlone) {
  const RepositoryPtr other = registry->Create("team/other");
  Must(registry->Push(*other, "{}"));
  Must(registry->Put(*other, About(subject_, R"("artifactType":"a/b")")));
  Push(About(TestRegistry::DigestOf("another subject"), R"("artifactType":"a/b")"));
  EXPECT_THAT(Read().entries, IsEmpty());
}

TEST_F(ReferrersTest, GoWithTheirManifest) {
  const Digest digest = PushNumbered(1, "a/b");
  Must(registry->images->Delete(*repository_, {.digest = digest, .tag = {}}, false));
  EXPECT_THAT(Read().entries, IsEmpty());
}

TEST_F(ReferrersTest, EveryPageSizeGivesEachOnce) {
  std::vector<Digest> all, some;
  for (int number = 0; number < 23; ++number) {
    const bool odd = number % 2 == 1;
    all.push_back(PushNumbered(number, odd ? "a/odd" : "a/even"));
    if (odd) some.push_back(all.back());
  }
  std::ranges::sort(all);
  std::ranges::sort(some);
  for (const int limit : {1, 2, 7, 22, 23, 24}) {
    EXPECT_EQ(ReadAll(limit), all) << limit;
    EXPECT_EQ(ReadAll(limit, {"a/odd"}), some) << limit;
    EXPECT_EQ(ReadAll(limit, {"a/odd", "a/even"}), all) << limit;
    EXPECT_THAT(ReadAll(limit, {"a/neither"}), IsEmpty()) << limit;
  }
}

// An answer is itself a manifest, and those have at most 4 MiB.
TEST_F(ReferrersTest, APageReadsNoMoreThanAManifestMayHold) {
  const std::string large(3 << 20, 'x');
  std::vector<Digest> all;
  for (int number = 0; number < 3; ++number)
    all.push_back(Push(About(subject_, R"("annotations":{"number":")" + std::to_string(number) +
                                           R"(","large":")" + large + R"("})")));
  std::ranges::sort(all);
  EXPECT_EQ(Read().entries.size(), 1u);
  EXPECT_EQ(ReadAll(1000), all);
}

TEST_F(ReferrersTest, APositionThatIsNoDigestIsRefused) {
  const auto page = Referrers(*registry->store).List(*repository_, subject_, {}, {.limit = 1, .after = "x"});
  EXPECT_EQ(CodeOf(page), ErrorCode::kInvalidPageToken);
}

}  // namespace
}  // namespace entrepot::registry
