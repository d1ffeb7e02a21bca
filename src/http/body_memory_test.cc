#include "http/body_memory.h"

#include <gtest/gtest.h>

namespace entrepot::http {
namespace {

TEST(BodyMemory, GrantsInTurnAsMemoryComesBack) {
  BodyMemory memory(100);
  ASSERT_TRUE(memory.TryTake(80));
  EXPECT_FALSE(memory.TryTake(21));
  std::vector<int> granted;
  memory.WaitFor(90, [&] { granted.push_back(1); });
  memory.WaitFor(10, [&] { granted.push_back(2); });
  EXPECT_FALSE(memory.TryTake(1)) << "others wait";
  memory.Give(70);
  EXPECT_EQ(granted, (std::vector<int>{1}));
  memory.Give(10);
  EXPECT_EQ(granted, (std::vector<int>{1, 2}));
  EXPECT_EQ(memory.in_use(), 100u);
  memory.Give(100);
  EXPECT_EQ(memory.in_use(), 0u);
}

TEST(BodyMemory, ACancelledWaitLetsTheNextOneIn) {
  BodyMemory memory(100);
  ASSERT_TRUE(memory.TryTake(50));
  bool large = false, small = false;
  const std::uint64_t wait = memory.WaitFor(100, [&] { large = true; });
  memory.WaitFor(50, [&] { small = true; });
  EXPECT_FALSE(small);
  EXPECT_TRUE(memory.CancelWait(wait));
  EXPECT_TRUE(small);
  EXPECT_FALSE(large);
  EXPECT_FALSE(memory.CancelWait(wait));
}

TEST(BodyMemory, KeepsPagesForReuseUntilTheyAreTrimmed) {
  BodyMemory memory(4 << 20);
  constexpr std::size_t kSize = 1 << 20;
  std::uint8_t* first = memory.Allocate(kSize);
  first[0] = first[kSize - 1] = 7;
  memory.Free(first, kSize);
  std::uint8_t* second = memory.Allocate(kSize);
  EXPECT_EQ(first, second);
  EXPECT_EQ(second[0], 7);
  memory.Free(second, kSize);
  memory.Trim();
  memory.Trim();
  std::uint8_t* third = memory.Allocate(kSize);
  EXPECT_EQ(third[0], 0) << "fresh from the system";
  memory.Free(third, kSize);
}

TEST(BodyMemory, HoldsGiveBackWhatTheyTook) {
  BodyMemory memory(100);
  {
    MemoryHold hold;
    EXPECT_TRUE(hold.Grow(memory, 60));
    EXPECT_FALSE(hold.Grow(memory, 60));
    EXPECT_TRUE(hold.Grow(memory, 30));
    MemoryHold other = std::move(hold);
    EXPECT_EQ(memory.in_use(), 90u);
  }
  EXPECT_EQ(memory.in_use(), 0u);
}

}  // namespace
}  // namespace entrepot::http
