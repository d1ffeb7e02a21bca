#include "registry/traffic.h"

#include <gtest/gtest.h>

namespace entrepot::registry {
namespace {

Repository Named(const std::string& name, int id = 1) {
  return {.registry = {AccountId::Trusted("123456789012"), Region::Trusted("us-west-2")},
          .id = RepositoryId(id),
          .name = RepositoryName::Trusted(name)};
}

TEST(Traffic, CountsWhatGoesInAndOut) {
  Traffic traffic(10);
  traffic.Pulled(Named("a"), 100);
  traffic.Pulled(Named("a"), 50);
  traffic.Pushed(Named("a"), 7);
  traffic.Sent(Named("a"), 1000);
  traffic.Received(Named("a"), 2000);
  const auto entries = traffic.entries();
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].repository, "a");
  EXPECT_EQ(entries[0].traffic.pulls, 2u);
  EXPECT_EQ(entries[0].traffic.pushes, 1u);
  EXPECT_EQ(entries[0].traffic.sent_bytes, 1150u);
  EXPECT_EQ(entries[0].traffic.received_bytes, 2007u);
}

TEST(Traffic, TellsSoManyApartAndCountsTheOthersAsOne) {
  Traffic traffic(2);
  for (const char* name : {"a", "b", "c", "d", "a", "c"}) traffic.Pulled(Named(name), 1);
  EXPECT_EQ(traffic.entries().size(), 2u);
  EXPECT_EQ(traffic.others().pulls, 3u);
}

TEST(Traffic, ARepositoryThatIsMadeAnewGoesOn) {
  Traffic traffic(2);
  traffic.Pulled(Named("a", 1), 1);
  traffic.Pulled(Named("a", 2), 1);
  ASSERT_EQ(traffic.entries().size(), 1u);
  EXPECT_EQ(traffic.entries()[0].traffic.pulls, 2u);
}

}  // namespace
}  // namespace entrepot::registry
