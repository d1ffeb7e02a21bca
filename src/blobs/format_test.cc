// The format in bytes. The expected hashes were computed by an independent implementation of the description
// in format.h and layout.h; they never change, because files that exist do not.

#include "blobs/format.h"

#include <fcntl.h>

#include "base/encoding.h"
#include "blobs/checkpoint.h"
#include "blobs/chunk_writer.h"
#include "blobs/layout.h"
#include "blobs/test_support.h"

namespace entrepot::blobs {
namespace {

FileId GoldenFile() { return FileId::FromName("0000002aa0a1a2a3a4a5a6a7a8a9aaab").value(); }

BlobIdentity GoldenIdentity(Suite suite) { return {GoldenFile(), kTestDomain, KeyFor(suite)}; }

Salt GoldenSalt(std::uint8_t byte) {
  Salt salt;
  salt.fill(byte);
  return salt;
}

ByteVector GoldenContent(std::size_t size) {
  ByteVector content(size);
  for (std::size_t i = 0; i < size; ++i) content[i] = static_cast<std::uint8_t>(i * 7 + (i >> 8) * 13);
  return content;
}

struct Golden {
  Suite suite;
  std::size_t size;
  bool second_segment;  // beginning at chunk 2
  std::size_t length;
  std::string_view file_hash, layout_hash;
};

class GoldenFiles : public testing::TestWithParam<Golden> {};

TEST_P(GoldenFiles, NeverChange) {
  const Golden& golden = GetParam();
  const TemporaryDirectory directory;
  PosixFiles files;
  const std::shared_ptr<File> file = files.Create(directory / "golden").value();
  const ByteVector content = GoldenContent(golden.size);
  const BlobIdentity identity = GoldenIdentity(golden.suite);
  const auto salted = [](std::uint8_t byte) {
    return SealHooks{.new_salt = [byte] { return GoldenSalt(byte); }};
  };

  Layout layout{golden.suite, {}};
  std::size_t settled = 0;
  if (golden.second_segment) {
    ChunkWriter first(file, identity, layout, 0, 0, salted(0x11));
    ASSERT_TRUE(first.Append(Bytes(content).first(2 * ChunkContent(golden.suite) + 1)));
    ASSERT_TRUE(first.Flush());
    settled = first.settled();
    layout = first.layout();
  }
  ChunkWriter last(file, identity, layout, settled, 0, salted(golden.second_segment ? 0x22 : 0x11));
  ASSERT_TRUE(last.Append(Bytes(content).subspan(settled)));
  ASSERT_TRUE(last.WriteFinal());

  ByteVector stored(file->Status()->size);
  ASSERT_EQ(ReadFully(*file, 0, stored).value(), golden.length);
  EXPECT_EQ(HexEncode(Sha256(stored)), golden.file_hash);
  EXPECT_EQ(HexEncode(Sha256(last.layout().Encode())), golden.layout_hash);
  EXPECT_EQ(golden.length, FileLength(golden.suite, golden.size));
}

constexpr std::string_view kOneSegment = "bc8a63e8711ea7c72a889b23ce0fa4d76201a679ce9f5f08b594c0487894e11d";
INSTANTIATE_TEST_SUITE_P(
    All, GoldenFiles,
    testing::Values(Golden{Suite::kAes256Gcm, 0, false, 4112,
                           "4277c87177d8a6e9acef5d270c1dc57f2aad944e9345a662cc12410626ac4ee7", kOneSegment},
                    Golden{Suite::kAes256Gcm, 1, false, 4113,
                           "de4bc6a4f03390084f4ede4461a9481af530d488e254357f5695db3b325ac745", kOneSegment},
                    Golden{Suite::kAes256Gcm, 65520, false, 69632,
                           "abfdefd1d59be2db98d2de1e126d3f022a51496d80d1b0330d2876c658cf12cd", kOneSegment},
                    Golden{Suite::kAes256Gcm, 65521, false, 69649,
                           "3219af3115d67275eb4db0f56f1cdf5077ee51f7f1251148d6607584cf91014a", kOneSegment},
                    Golden{Suite::kAes256Gcm, 200000, true, 204160,
                           "ff67ecb2a8890968277846e409992d7a0987632dfa90c0eab897d6f16ee362e2",
                           "3b7602f70ad0508806d468864138ea47949b19b2064581c1cd5f6943dbd143d4"},
                    Golden{Suite::kPlain, 0, false, 4096,
                           "043932dc979115efc8f21b4b41a0d5ca395641b68024a717ca870d4cff9f3087",
                           "0d1034ebc207e7456099d6d97a71af03aceaa65c55e38181fe3bcc0f1713bae6"},
                    Golden{Suite::kPlain, 200000, true, 204096,
                           "942d9cc4d5951f7a940e6563ca438e999b092043c16dc6e19e1ae178c4245228",
                           "a0ddd1842f4a07cee121f38c80bbc6914a2c9a9c14876a359a4546ab005ca0fe"}));

TEST(Format, HeaderIsDrawnAsDescribed) {
  const Header header = EncodeHeader(GoldenIdentity(Suite::kAes256Gcm), GoldenSalt(0x11));
  EXPECT_EQ(HexEncode(Bytes(header).first(112)),
            "456e7472426c6f6200010200000100000000002aa0a1a2a3a4a5a6a7a8a9aaab00000000000000070000000000000009"
            "1111111111111111111111111111111111111111111111111111111111111111"
            "2f9395484ba70f96e8cdf4ef88cdc690ed5920878736e8e39e4b175e3c7c4194");
}

TEST(Format, GeometryAtTheBoundaries) {
  constexpr auto kAes = Suite::kAes256Gcm;
  EXPECT_EQ(ChunkCount(kAes, 0), 1u);
  EXPECT_EQ(ChunkCount(kAes, 65520), 1u);
  EXPECT_EQ(ChunkCount(kAes, 65521), 2u);
  EXPECT_EQ(SettledContent(kAes, 65520), 0u);
  EXPECT_EQ(SettledContent(kAes, 65521), 65520u);
  EXPECT_EQ(FileLength(kAes, 2 * 65520), 4096u + 2 * 65536);
  EXPECT_EQ(FileLength(Suite::kPlain, 65537), 4096u + 65537);
  EXPECT_EQ(ChunkOffset(80) - ChunkOffset(0), 5u << 20);  // design-storage 2.12
}

TEST(Layout, RoundTripsAndFindsSegments) {
  const Layout layout{Suite::kAes256Gcm, {{0, GoldenSalt(1)}, {3, GoldenSalt(2)}, {10, GoldenSalt(3)}}};
  EXPECT_EQ(Layout::Decode(layout.Encode()).value(), layout);
  EXPECT_EQ(layout.SegmentOf(0), 0u);
  EXPECT_EQ(layout.SegmentOf(2), 0u);
  EXPECT_EQ(layout.SegmentOf(3), 1u);
  EXPECT_EQ(layout.SegmentOf(1000), 2u);
}

TEST(Layout, RefusesWhatIsNoLayout) {
  const ByteVector good = Layout{Suite::kPlain, {{0, GoldenSalt(1)}, {3, GoldenSalt(2)}}}.Encode();
  for (std::size_t length = 0; length < good.size(); ++length)
    EXPECT_EQ(Layout::Decode(Bytes(good).first(length)).error().code(), ErrorCode::kDamaged) << length;
  ByteVector longer = good;
  longer.push_back(0);
  EXPECT_FALSE(Layout::Decode(longer));
  EXPECT_FALSE(Layout::Decode(Layout{Suite::kPlain, {}}.Encode()));
  EXPECT_FALSE(Layout::Decode(Layout{Suite::kPlain, {{1, GoldenSalt(1)}}}.Encode()));
  EXPECT_FALSE(Layout::Decode(Layout{Suite::kPlain, {{0, GoldenSalt(1)}, {0, GoldenSalt(2)}}}.Encode()));
  EXPECT_FALSE(Layout::Decode(Layout{static_cast<Suite>(3), {{0, GoldenSalt(1)}}}.Encode()));
  ByteVector huge = good;
  huge[2] = huge[3] = huge[4] = huge[5] = 0xff;  // a count that nothing could hold
  EXPECT_FALSE(Layout::Decode(huge));
}

TEST(CheckpointBytes, RoundTripAndRefuse) {
  Checkpoint checkpoint(GoldenFile());
  checkpoint.writer_epoch = 5;
  checkpoint.settled = 2 * ChunkContent(Suite::kAes256Gcm);
  checkpoint.layout = {Suite::kAes256Gcm, {{0, GoldenSalt(1)}}};
  checkpoint.tail = RandomContent(1000);
  checkpoint.hash_states = {RandomContent(100), RandomContent(90)};
  const ByteVector bytes = checkpoint.Encode();

  const auto decoded = Checkpoint::Decode(bytes);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->Encode(), bytes);
  EXPECT_EQ(decoded->writer_epoch, 5);
  EXPECT_EQ(decoded->hash_states, checkpoint.hash_states);
  const std::size_t first_state = bytes.size() - (4 + 100) - (4 + 90);
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    if (length == first_state || length == first_state + 104) continue;  // whole, with fewer hash states
    EXPECT_FALSE(Checkpoint::Decode(Bytes(bytes).first(length))) << length;
  }
  checkpoint.settled += 1;
  EXPECT_FALSE(Checkpoint::Decode(checkpoint.Encode()));
}

TEST(FileIds, NamesAndPaths) {
  const FileId id = GoldenFile();
  EXPECT_EQ(id.boot_epoch(), 42u);
  EXPECT_EQ(id.path(), "0000002a-a0a1a2a3/0000002aa0a1a2a3a4a5a6a7a8a9aaab");
  EXPECT_EQ(DirectoryEpoch(id.directory()), 42u);
  EXPECT_EQ(FileId::FromBytes(id.bytes()).value(), id);
  EXPECT_FALSE(FileId::FromBytes(id.bytes().first(15)));
  EXPECT_FALSE(FileId::FromName("0000002AA0A1A2A3A4A5A6A7A8A9AAAB"));
  EXPECT_FALSE(FileId::FromName("../../etc/passwd"));
  EXPECT_FALSE(DirectoryEpoch("0000002a_a0a1a2a3"));
  EXPECT_FALSE(DirectoryEpoch("0000002a-a0a1a2a"));
  EXPECT_NE(FileId::New(1, 2), FileId::New(1, 2));
}

}  // namespace
}  // namespace entrepot::blobs
