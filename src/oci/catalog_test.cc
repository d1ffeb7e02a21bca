// What may not be described shows nowhere: not in a list, not in the way to the next page.

#include "oci/catalog.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "oci/test_door.h"

namespace entrepot::oci {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

class Catalog : public Door {
 protected:
  void Create(const std::string& name) {
    ASSERT_TRUE(repositories_.Create(
        access_.registry, {.name = RepositoryName::Trusted(name), .tag_exclusions = {}, .tags = {}}));
  }
  void CreateHidden(const std::string& name) {
    Create(name);
    Hide(name);
  }
  void Hide(const std::string& name) {
    access_.denied.insert("ecr:DescribeRepositories arn:aws:ecr:us-west-2:123456789012:repository/" + name);
  }
  /// The bodies of all pages, by their Links, of which none may contain "secret".
  std::vector<std::string> Pages(int limit) {
    std::vector<std::string> pages;
    for (std::string target = "/v2/_catalog?n=" + std::to_string(limit); !target.empty();) {
      const Answer answer = Send(Method::kGet, target);
      EXPECT_EQ(answer.status, 200) << answer.body;
      EXPECT_THAT(answer.fields + answer.body, Not(HasSubstr("secret")));
      pages.push_back(answer.body);
      const std::string link = answer.Field("Link");
      target = link.empty() ? "" : link.substr(1, link.find('>') - 1);
    }
    return pages;
  }
  static std::string Page(const std::string& names) { return "{\"repositories\":[" + names + "]}\n"; }
};

TEST_F(Catalog, HasOnlyWhatTheCallerMayDescribe) {
  for (const char* name : {"a-secret", "m-secret", "z-secret", "zz-secret"}) CreateHidden(name);
  Create("kept");
  Create("zone");
  EXPECT_THAT(Pages(1), ElementsAre(Page("\"kept\""), Page("\"team/app\""), Page("\"zone\"")));
  EXPECT_THAT(Pages(2), ElementsAre(Page("\"kept\",\"team/app\""), Page("\"zone\"")));
  EXPECT_THAT(Pages(3), ElementsAre(Page("\"kept\",\"team/app\",\"zone\"")));
  EXPECT_THAT(Pages(1000), ElementsAre(Page("\"kept\",\"team/app\",\"zone\"")));
  for (const char* name : {"kept", "team/app", "zone"}) Hide(name);
  for (const int limit : {1, 2, 3, 7}) EXPECT_THAT(Pages(limit), ElementsAre(Page("")));
}

TEST_F(Catalog, LooksAtABoundedNumberAndSealsWhereItGoesOn) {
  for (int number = 10'000; number < 10'000 + kMaxPage + 5; ++number)
    CreateHidden("secret/" + std::to_string(number));
  Create("zone");
  Hide("team/app");
  access_.asked.clear();
  EXPECT_THAT(Pages(1), ElementsAre(Page(""), Page("\"zone\"")));
  const Answer first = Send(Method::kGet, "/v2/_catalog?n=1");
  EXPECT_LE(access_.asked.size(), 2u * (kMaxPage + 8));
  const std::string target = first.Field("Link").substr(1, first.Field("Link").find('>') - 1);

  access_.registry.region = Region::Trusted("eu-west-1");  // a place of one registry is none of another
  Create("other");
  EXPECT_EQ(Send(Method::kGet, target).status, 400);
  EXPECT_EQ(Send(Method::kGet, "/v2/_catalog?last=*nonsense").status, 400);
}

TEST_F(Catalog, HeadHasItsLengthAlone) {
  const Answer head = Send(Method::kHead, "/v2/_catalog");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.body, "");
  EXPECT_EQ(head.head_length, Page("\"team/app\"").size());
}

}  // namespace
}  // namespace entrepot::oci
