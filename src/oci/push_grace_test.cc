#include "oci/push_grace.h"

#include <memory>

#include <gtest/gtest.h>

namespace entrepot::oci {
namespace {

using namespace std::chrono_literals;

constexpr Timestamp kExpiry{1'000'000'000'000};
constexpr registry::RepositoryId kApp{7}, kOther{8};

TEST(PushGrace, CoversAPushThatBeganInTime) {
  const auto grace = std::make_unique<PushGrace>();
  grace->SessionOpened("AIDAONE", kApp, kExpiry - 1s);
  EXPECT_TRUE(grace->Covers("AIDAONE", kApp, kExpiry, kExpiry + 59min));
  EXPECT_TRUE(grace->Covers("AIDAONE", kApp, kExpiry, kExpiry + 1h));
  EXPECT_FALSE(grace->Covers("AIDAONE", kApp, kExpiry, kExpiry + 1h + 1s));
}

TEST(PushGrace, IsOfOnePrincipalAndRepository) {
  const auto grace = std::make_unique<PushGrace>();
  grace->SessionOpened("AIDAONE", kApp, kExpiry - 1s);
  EXPECT_FALSE(grace->Covers("AIDATWO", kApp, kExpiry, kExpiry + 1s));
  EXPECT_FALSE(grace->Covers("AIDAONE", kOther, kExpiry, kExpiry + 1s));
}

TEST(PushGrace, DoesNotCoverWhatBeganTooLate) {
  const auto grace = std::make_unique<PushGrace>();
  EXPECT_FALSE(grace->Covers("AIDAONE", kApp, kExpiry, kExpiry + 1s));
  grace->SessionOpened("AIDAONE", kApp, kExpiry + 1s);
  EXPECT_FALSE(grace->Covers("AIDAONE", kApp, kExpiry, kExpiry + 2s));
}

TEST(PushGrace, ALaterSessionDoesNotHideTheFirst) {
  const auto grace = std::make_unique<PushGrace>();
  grace->SessionOpened("AIDAONE", kApp, kExpiry - 1min);
  grace->SessionOpened("AIDAONE", kApp, kExpiry + 1min);
  EXPECT_TRUE(grace->Covers("AIDAONE", kApp, kExpiry, kExpiry + 2min));
}

// It forgets under pressure, and forgetting refuses.
TEST(PushGrace, IsBounded) {
  const auto grace = std::make_unique<PushGrace>();
  for (int i = 0; i < 100'000; ++i) grace->SessionOpened("AIDA" + std::to_string(i), kApp, kExpiry - 1s);
  int covered = 0;
  for (int i = 0; i < 100'000; ++i)
    covered += grace->Covers("AIDA" + std::to_string(i), kApp, kExpiry, kExpiry);
  EXPECT_GT(covered, 0);
  EXPECT_LE(covered, 4096);
}

}  // namespace
}  // namespace entrepot::oci
