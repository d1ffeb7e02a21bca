#include "metadata/versioned_cache.h"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

namespace entrepot::metadata {
namespace {

using Cache = VersionedCache<std::string>;

std::shared_ptr<const std::string> Text(std::string text) {
  return std::make_shared<const std::string>(std::move(text));
}

TEST(VersionedCache, AnEntryDiesWithAnyVersionItWasMadeFrom) {
  VersionStripes versions;
  Cache cache(1 << 20);
  const std::uint64_t key = CacheKey("token", "a"), user = CacheKey("user", "alice");
  cache.Put(key, "a", Seen(versions, key).Record(versions, user), Text("value"), 5);
  ASSERT_TRUE(cache.Get(key, "a", versions));
  EXPECT_EQ(*cache.Get(key, "a", versions), "value");
  versions.Raise(user);
  EXPECT_FALSE(cache.Get(key, "a", versions));
}

TEST(VersionedCache, AFillThatRacedWithACommitIsDeadOnArrival) {
  VersionStripes versions;
  Cache cache(1 << 20);
  const std::uint64_t key = CacheKey("tag", "latest");
  const Seen seen(versions, key);
  versions.Raise(key);  // a commit between the record and the fill
  cache.Put(key, "latest", seen, Text("old"), 3);
  EXPECT_FALSE(cache.Get(key, "latest", versions));
}

TEST(VersionedCache, AHashAloneIsNoHit) {
  VersionStripes versions;
  Cache cache(1 << 20);
  cache.Put(7, "a", versions.Current(7), Text("a's"), 3);
  EXPECT_FALSE(cache.Get(7, "b", versions));
  cache.Put(7, "b", versions.Current(7), Text("b's"), 3);
  EXPECT_FALSE(cache.Get(7, "a", versions));
  EXPECT_EQ(*cache.Get(7, "b", versions), "b's");
}

TEST(VersionedCache, PartsOfAKeyDoNotRunTogether) {
  EXPECT_NE(CacheKey("k", "ab", "c"), CacheKey("k", "a", "bc"));
  EXPECT_NE(CacheKey("k", "a"), CacheKey("k", "a", ""));
  EXPECT_NE(CacheKey("k", "a", "b"), CacheKey("k", "b", "a"));
}

TEST(VersionedCache, StaysWithinItsBytesAndKeepsWhatIsUsed) {
  VersionStripes versions;
  constexpr std::size_t kCapacity = 256 << 10;
  Cache cache(kCapacity);
  const std::uint64_t hot = CacheKey("hot");
  cache.Put(hot, "hot", Seen(versions, hot), Text("hot"), 100);
  for (int i = 0; i < 20'000; ++i) {
    const std::string name = std::to_string(i);
    const std::uint64_t key = CacheKey("cold", name);
    cache.Put(key, name, Seen(versions, key), Text(name), 100);
    ASSERT_TRUE(cache.Get(hot, "hot", versions)) << i;
    ASSERT_LE(cache.bytes(), kCapacity);
  }
  int kept = 0;
  for (int i = 0; i < 20'000; ++i)
    kept += cache.Get(CacheKey("cold", std::to_string(i)), std::to_string(i), versions) != nullptr;
  EXPECT_GT(kept, 500);
  cache.Put(hot, "hot", Seen(versions, hot), Text("huge"), kCapacity);
  EXPECT_EQ(*cache.Get(hot, "hot", versions), "hot");  // what cannot fit is not kept, and pushes nothing out
}

// A writer changes the truth and raises the version; no reader may afterwards find an older value.
TEST(VersionedCache, NobodySeesTheOldValueOnceTheVersionIsRaised) {
  VersionStripes versions;
  Cache cache(1 << 20);
  const std::uint64_t key = CacheKey("counter");
  std::atomic<int> truth{0}, announced{0};
  std::atomic<bool> stop{false}, stale{false};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i)
    readers.emplace_back([&] {
      while (!stop) {
        const int least = announced;
        auto value = cache.Get(key, "counter", versions);
        if (!value) {
          const Seen seen(versions, key);
          value = Text(std::to_string(truth));
          cache.Put(key, "counter", seen, value, 8);
        }
        if (std::stoi(*value) < least) stale = true;
      }
    });
  for (int i = 1; i <= 20'000; ++i) {
    truth = i;
    versions.Raise(key);
    announced = i;
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  EXPECT_FALSE(stale);
}

}  // namespace
}  // namespace entrepot::metadata
