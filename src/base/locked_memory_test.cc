#include "base/locked_memory.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <string>
#include <sys/resource.h>
#include <vector>

#include <gtest/gtest.h>

#include "base/crypto.h"

namespace entrepot {
namespace {

SecretKey KeyOf(int number) {
  return SecretKey::From(ByteVector(SecretKey::kLength, static_cast<std::uint8_t>(number)));
}
// The sanitizers' mlock does nothing.
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr bool kMlockWorks = false;
#else
constexpr bool kMlockWorks = true;
#endif

bool Same(const SecretKey& a, const SecretKey& b) { return std::ranges::equal(a.bytes(), b.bytes()); }

/// What the kernel says of the pages that an address lies in: " rd wr … lo dd …".
std::string FlagsOf(const void* address) {
  const auto wanted = reinterpret_cast<std::uintptr_t>(address);
  std::ifstream maps("/proc/self/smaps");
  bool inside = false;
  for (std::string line; std::getline(maps, line);) {
    unsigned long long first = 0, end = 0;
    if (std::sscanf(line.c_str(), "%llx-%llx ", &first, &end) == 2) inside = first <= wanted && wanted < end;
    if (inside && line.starts_with("VmFlags:")) return line.substr(8) + " ";
  }
  return "";
}

TEST(LockedMemoryTest, EveryKeyLiesInPagesThatAreNeitherSwappedNorDumped) {
  rlimit lockable{};
  ASSERT_EQ(::getrlimit(RLIMIT_MEMLOCK, &lockable), 0);
  const bool may_lock = kMlockWorks && lockable.rlim_cur >= (1 << 20);  // else keys are used all the same
  const SecretKey made = SecretKey::Generate(), copied = made, derived = DeriveKey(made.bytes(), {}, {});
  for (const SecretKey* key : {&made, &copied, &derived}) {
    const std::string flags = FlagsOf(key->bytes().data());
    EXPECT_TRUE(flags.contains(" lo ") || !may_lock) << flags;
    EXPECT_TRUE(flags.contains(" dd ")) << flags;
  }
}

TEST(LockedMemoryTest, KeysAreWipedAndBlocksUsedAgain) {
  const ByteVector secret(SecretKey::kLength, 7);
  const std::uint8_t* bytes = nullptr;
  {
    const SecretKey key = KeyOf(7);
    bytes = key.bytes().data();
    EXPECT_TRUE(std::ranges::equal(key.bytes(), secret));
  }
  const Bytes left(bytes + sizeof(void*), SecretKey::kLength - sizeof(void*));  // behind the free list's link
  EXPECT_TRUE(std::ranges::all_of(left, [](std::uint8_t byte) { return byte == 0; }));  // pages stay mapped
  std::vector<SecretKey> many;
  for (int i = 0; i < 5000; ++i) many.push_back(KeyOf(i));
  for (int i = 0; i < 5000; ++i) EXPECT_TRUE(Same(many[static_cast<std::size_t>(i)], KeyOf(i)));
}

TEST(LockedMemoryTest, ACopyIsAnotherSecret) {
  SecretKey one = KeyOf(1);
  const SecretKey copy = one;
  one = KeyOf(2);
  EXPECT_TRUE(Same(copy, KeyOf(1)));
  const SecretKey& itself = one;
  one = itself;
  EXPECT_TRUE(Same(one, KeyOf(2)));
}

}  // namespace
}  // namespace entrepot
