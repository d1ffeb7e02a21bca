#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/arn.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/digest.h"
#include "base/encoding.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/names.h"
#include "base/pool.h"
#include "base/pool_task.h"
#include "base/result.h"

namespace entrepot {
namespace {

TEST(Encoding, RoundTripsAndRefusesWhatIsNotCanonical) {
  const ByteVector bytes = ToVector(AsBytes("light work."));
  EXPECT_EQ(Base64Encode(bytes), "bGlnaHQgd29yay4=");
  EXPECT_EQ(Base64Decode("bGlnaHQgd29yay4="), bytes);
  EXPECT_EQ(Base64UrlDecode("bGlnaHQgd29yay4"), bytes);
  EXPECT_FALSE(Base64Decode("bGlnaHQgd29yay5="));  // stray bits in the last letter
  EXPECT_FALSE(Base64Decode("bGln aHQg"));
  EXPECT_EQ(HexDecode("00fF"), (ByteVector{0, 255}));
  EXPECT_FALSE(HexDecode("0"));
  EXPECT_EQ(PercentEncode("a/b c~"), "a%2Fb%20c~");
  EXPECT_EQ(PercentDecode("a%2Fb+c", true), "a/b c");
  EXPECT_FALSE(PercentDecode("%2"));
}

TEST(Encoding, Base64OfEveryLengthIsItselfAndNothingElse) {
  for (std::size_t length = 0; length < 20; ++length) {
    ByteVector bytes(length);
    for (std::size_t i = 0; i < length; ++i) bytes[i] = static_cast<std::uint8_t>(251 * (i + 1));
    const std::string text = Base64Encode(bytes), url_text = Base64UrlEncode(bytes);
    EXPECT_EQ(Base64Decode(text), bytes);
    EXPECT_EQ(Base64UrlDecode(url_text), bytes);
    EXPECT_FALSE(Base64Decode(text + "A"));
    for (std::size_t at = 0; at < url_text.size(); ++at) {
      std::string bad = url_text;
      bad[at] = '=';
      EXPECT_FALSE(Base64UrlDecode(bad)) << bad;
      bad = text;
      bad[at] = '\xe4';
      EXPECT_FALSE(Base64Decode(bad)) << bad;
    }
  }
  EXPECT_FALSE(Base64UrlDecode("AB"));   // stray bits beyond one byte
  EXPECT_FALSE(Base64UrlDecode("AAB"));  // and beyond two
}

TEST(Digest, ParsesOnlyTheExactForm) {
  const Digest digest = Digest::Of(HashAlgorithm::kSha256, AsBytes("abc"));
  EXPECT_EQ(digest.ToString(), "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Digest::Parse(digest.ToString()), digest);
  EXPECT_EQ(Digest::FromStored(digest.ToStored()), digest);
  EXPECT_FALSE(Digest::Parse("sha256:BA7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
  EXPECT_FALSE(Digest::Parse("sha256:ba78"));
  EXPECT_FALSE(Digest::Parse("md5:ba7816bf8f01cfea414140de5dae2223"));
  EXPECT_FALSE(Digest::FromStored(ByteVector(33, 9)));
}

class HasherState : public testing::TestWithParam<HashAlgorithm> {};

TEST_P(HasherState, GoesOnFromAnyPoint) {
  const ByteVector content = RandomBytes(1000);
  for (std::size_t cut = 0; cut <= content.size(); cut += 7) {
    Hasher first(GetParam());
    first.Update(Bytes(content).first(cut));
    Result<Hasher> second = Hasher::FromState(first.ExportState());
    ASSERT_TRUE(second);
    second->Update(Bytes(content).subspan(cut));
    ASSERT_EQ(Digest::FromHash(GetParam(), second->Value()), Digest::Of(GetParam(), content)) << cut;
  }
  ByteVector state = Hasher(GetParam()).ExportState();
  state.pop_back();
  EXPECT_FALSE(Hasher::FromState(state));
}
INSTANTIATE_TEST_SUITE_P(Both, HasherState, testing::Values(HashAlgorithm::kSha256, HashAlgorithm::kSha512));

TEST(Names, FollowEcrsPatterns) {
  for (const char* good : {"ab", "team/app", "a__b", "a--b", "a.b/c_d", "0a"})
    EXPECT_TRUE(RepositoryName::Parse(good)) << good;
  for (const char* bad : {"a", "Team/app", "a___b", "/ab", "ab/", "a//b", "a..b", "-ab", "ab-"})
    EXPECT_FALSE(RepositoryName::Parse(bad)) << bad;
  EXPECT_FALSE(RepositoryName::Parse(std::string(257, 'a')));
  EXPECT_TRUE(Region::Parse("us-west-2"));
  EXPECT_TRUE(Region::Parse("us-gov-east-1"));
  for (const char* bad : {"", "us", "us-west", "US-west-2", "us--2", "2-2"})
    EXPECT_FALSE(Region::Parse(bad)) << bad;
  EXPECT_TRUE(IsOciTag("_v1.2"));
  EXPECT_FALSE(IsOciTag(".v1"));
  EXPECT_TRUE(ImageTag::Parse(".v1"));
}

TEST(Arn, RoundTrips) {
  const RegistryName registry{AccountId::Trusted("123456789012"), Region::Trusted("cn-north-1")};
  EXPECT_EQ(RepositoryArn(registry, "a/b"), "arn:aws-cn:ecr:cn-north-1:123456789012:repository/a/b");
  EXPECT_EQ(Arn::Parse("arn:aws:iam::1:role/a:b")->resource, "role/a:b");
  EXPECT_FALSE(Arn::Parse("arn:aws:iam::1"));
}

TEST(Clock, WritesAndReadsTheFormsOfSigV4) {
  Timestamp time;
  ASSERT_TRUE(FromBasicIso8601("20150830T123600Z", time));
  EXPECT_EQ(ToBasicIso8601(time), "20150830T123600Z");
  EXPECT_EQ(ToIso8601(time), "2015-08-30T12:36:00Z");
  EXPECT_EQ(ToHttpDate({784111777'000'000}), "Sun, 06 Nov 1994 08:49:37 GMT");
  for (const char* bad : {"20150230T123600Z", "20150830T243600Z", "20150830 123600Z", "20150830T123600"})
    EXPECT_FALSE(FromBasicIso8601(bad, time)) << bad;
}

TEST(Crypto, HmacIsRfc4231) {  // test cases 1, 2 and 6, and a key of just a block beside the library's own
  const auto mac = [](Bytes key, std::string_view message) {
    return HexEncode(HmacSha256(key, AsBytes(message)));
  };
  EXPECT_EQ(mac(ByteVector(20, 0x0b), "Hi There"),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(mac(AsBytes("Jefe"), "what do ya want for nothing?"),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(mac(ByteVector(131, 0xaa), "Test Using Larger Than Block-Size Key - Hash Key First"),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  for (const std::size_t size : {0, 1, 63, 64, 65, 200}) {
    const ByteVector room(size + 1, 0x5a);  // the library takes no null key
    std::array<std::uint8_t, 32> expected;
    ASSERT_NE(HMAC(EVP_sha256(), room.data(), static_cast<int>(size), nullptr, 0, expected.data(), nullptr),
              nullptr);
    EXPECT_EQ(mac(Bytes(room).first(size), ""), HexEncode(expected)) << size;
  }
}

TEST(Crypto, DeriveKeyIsRfc5869) {  // appendix A.1, its first 32 bytes
  const ByteVector salt = *HexDecode("000102030405060708090a0b0c"), info = *HexDecode("f0f1f2f3f4f5f6f7f8f9");
  EXPECT_EQ(HexEncode(DeriveKey(ByteVector(22, 0x0b), salt, info).bytes()),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
}

TEST(Crypto, BoxesOpenOnlyUnderTheirKeyAndPurpose) {
  const SecretKey key = SecretKey::Generate();
  ByteVector box = SealBox(key, AsBytes("a"), AsBytes("secret"));
  EXPECT_EQ(AsText(*OpenBox(key, AsBytes("a"), box)), "secret");
  EXPECT_FALSE(OpenBox(key, AsBytes("b"), box));
  EXPECT_FALSE(OpenBox(SecretKey::Generate(), AsBytes("a"), box));
  box[14] ^= 1;
  EXPECT_FALSE(OpenBox(key, AsBytes("a"), box));
  EXPECT_FALSE(OpenBox(key, AsBytes("a"), ByteVector(5)));
}

Result<int> Half(int number) {
  if (number % 2 != 0) return Fail(ErrorCode::kValidation, "odd");
  return number / 2;
}
Result<int> Quarter(int number) { return TRY(Half(TRY(Half(number)))); }

TEST(Result, TryPassesErrorsOnAndNests) {
  EXPECT_EQ(Quarter(12), 3);
  EXPECT_EQ(Quarter(3).error().fact("detail"), "odd");
  EXPECT_EQ(Quarter(6).error().code(), ErrorCode::kValidation);
}

TEST(Json, RefusesWhatCouldBeReadTwoWays) {
  EXPECT_TRUE(ParseJson(R"({"a":1,"b":[{"a":2}]})", DuplicateKeys::kRefused));
  EXPECT_FALSE(ParseJson(R"({"a":1,"a":2})", DuplicateKeys::kRefused));
  EXPECT_TRUE(ParseJson(R"({"a":1,"a":2})"));
  for (const char* bad : {"", "{", "{}x", "1e400", "\"\xff\"", "{'a':1}"})
    EXPECT_FALSE(ParseJson(bad)) << bad;
  EXPECT_FALSE(ParseJson(std::string(40, '[') + std::string(40, ']')));
}

TEST(Pool, RefusesWhenFullAndRunsEverythingItTook) {
  ThreadPool pool("test", 1, 2);
  std::mutex gate;
  std::atomic<int> ran = 0;
  gate.lock();
  ASSERT_TRUE(pool.TryPost([&] {
    std::lock_guard lock(gate);
    ++ran;
  }));
  while (pool.waiting() > 0) std::this_thread::yield();
  ASSERT_TRUE(pool.TryPost([&] { ++ran; }));
  ASSERT_TRUE(pool.TryPost([&] { ++ran; }));
  EXPECT_FALSE(pool.TryPost([&] { ++ran; }));
  gate.unlock();
  pool.Stop();
  EXPECT_EQ(ran, 3);
}

// A job may own what owns its queue.
TEST(Pool, SerialQueueOfAStoppedPoolLetsGoOfItsJobs) {
  ThreadPool pool("test", 1, 10);
  auto owner = std::make_shared<std::optional<SerialQueue>>(std::in_place, pool);
  pool.Stop();
  const std::weak_ptr alive = owner;
  SerialQueue queue = **owner;
  bool ran = false;
  queue.Post([owner = std::move(owner), &ran] { ran = true; });
  EXPECT_TRUE(alive.expired());
  EXPECT_FALSE(ran);
}

TEST(Pool, SerialQueueKeepsOrder) {
  ThreadPool pool("test", 4, 1000);
  std::vector<int> order;
  SerialQueue queue(pool);
  for (int i = 0; i < 500; ++i) queue.Post([&order, i] { order.push_back(i); });
  std::atomic<bool> done = false;
  queue.Post([&] { done = true; });
  while (!done) std::this_thread::yield();
  ASSERT_EQ(order.size(), 500u);
  EXPECT_TRUE(std::ranges::is_sorted(order));
}

TEST(PoolTask, GivesItsResultToWhoeverWaits) {
  ThreadPool pool("test", 1, 1);
  auto task = PoolTask<int>::Start(pool, [] { return 7; });
  ASSERT_TRUE(task);
  while (!task->done()) std::this_thread::yield();
  EXPECT_EQ(task->Take(), 7);
}

// From a job of the only thread: what is queued behind it cannot be waited for.
TEST(PoolTask, IsTakenBackUnlessItHasBegun) {
  ThreadPool pool("test", 1, 10);
  bool ran = false;
  std::optional<int> taken = 0;
  std::atomic<bool> ended = false;
  pool.Post([&] {
    auto task = PoolTask<int>::Start(pool, [&] {
      ran = true;
      return 7;
    });
    taken = task->Take();
    ended = true;
  });
  while (!ended) std::this_thread::yield();
  pool.Stop();  // runs what is queued
  EXPECT_FALSE(taken);
  EXPECT_FALSE(ran);
}

TEST(PoolTask, IsWaitedForOnceItHasBegun) {
  ThreadPool pool("test", 1, 10);
  std::mutex gate;
  std::atomic<bool> begun = false;
  std::unique_lock closed(gate);
  auto task = PoolTask<int>::Start(pool, [&] {
    begun = true;
    std::lock_guard lock(gate);
    return 7;
  });
  while (!begun) std::this_thread::yield();
  EXPECT_FALSE(task->done());
  std::optional<int> taken;
  std::thread waiting([&] { taken = task->Take(); });
  closed.unlock();
  waiting.join();
  EXPECT_EQ(taken, 7);
}

TEST(PoolTask, IsNotStartedWhereThePoolRefuses) {
  ThreadPool pool("test", 1, 1);
  pool.Stop();
  EXPECT_FALSE(PoolTask<int>::Start(pool, [] { return 7; }));
}

TEST(Ids, HaveTheirForms) {
  EXPECT_TRUE(IsUuid(NewUuid()));
  EXPECT_NE(NewUuid(), NewUuid());
  EXPECT_EQ(NewAwsId("AKIA", 20).size(), 20u);
  EXPECT_FALSE(IsUuid("123E4567-e89b-12d3-a456-426614174000"));
}

}  // namespace
}  // namespace entrepot
