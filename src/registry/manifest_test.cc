#include "registry/manifest.h"

#include <gtest/gtest.h>

#include "registry/repository.h"

namespace entrepot::registry {
namespace {

constexpr std::string_view kImage = "application/vnd.oci.image.manifest.v1+json";
constexpr std::string_view kIndex = "application/vnd.oci.image.index.v1+json";
constexpr std::string_view kDigest =
    "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

// A manifest with %D for a digest.
std::string Fill(std::string text) {
  for (std::size_t at; (at = text.find("%D")) != text.npos;) text.replace(at, 2, kDigest);
  return text;
}

struct Case {
  const char* why;
  std::string_view declared;
  const char* content;
  ErrorCode code;  // kInternal = it is good
};

TEST(Manifest, IsReadStrictly) {
  constexpr ErrorCode kGood = ErrorCode::kInternal, kBad = ErrorCode::kManifestInvalid;
  for (
      const Case& c : {
          Case{"plain", kImage, R"({"schemaVersion":2,"config":{"digest":"%D","size":1},"layers":[]})",
               kGood},
          Case{
              "own media type is enough", "",
              R"({"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"digest":"%D","size":1},"layers":[]})",
              kGood},
          Case{"a declared type with parameters", "application/vnd.oci.image.manifest.v1+json; charset=utf-8",
               R"({"config":{"digest":"%D","size":1},"layers":[]})", kGood},
          Case{"no media type anywhere", "", R"({"config":{"digest":"%D","size":1},"layers":[]})", kBad},
          Case{
              "two that differ", kIndex,
              R"({"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{"digest":"%D","size":1},"layers":[]})",
              kBad},
          Case{"no JSON", kImage, "{", kBad},
          Case{"no object", kImage, "[]", kBad},
          Case{"empty", kImage, "", kBad},
          Case{"config missing", kImage, R"({"layers":[]})", kBad},
          Case{"layers missing", kImage, R"({"config":{"digest":"%D","size":1}})", kBad},
          Case{"bad digest", kImage, R"({"config":{"digest":"sha256:1","size":1},"layers":[]})", kBad},
          Case{"negative size", kImage, R"({"config":{"digest":"%D","size":-1},"layers":[]})", kBad},
          Case{"size is text", kImage, R"({"config":{"digest":"%D","size":"1"},"layers":[]})", kBad},
          Case{"sizes that add up to no length", kImage,
               R"({"config":{"digest":"%D","size":9223372036854775807},"layers":[{"digest":"%D","size":1}]})",
               kBad},
          Case{
              "a layer's type with a NUL", kImage,
              R"({"config":{"digest":"%D","size":1},"layers":[{"digest":"%D","size":1,"mediaType":"a\u0000"}]})",
              kBad},
          Case{"an artifact's type with a NUL", kImage,
               R"({"artifactType":"\u0000","config":{"digest":"%D","size":1},"layers":[]})", kBad},
          Case{"an annotation with a NUL", kImage,
               R"({"annotations":{"a":"\u0000"},"config":{"digest":"%D","size":1},"layers":[]})", kGood},
          Case{"layers are no list", kImage, R"({"config":{"digest":"%D","size":1},"layers":{}})", kBad},
          Case{"index", kIndex, R"({"manifests":[{"digest":"%D","size":1}]})", kGood},
          Case{"empty index", kIndex, R"({"manifests":[]})", kGood},
          Case{"index without list", kIndex, R"({})", kBad},
          Case{"unknown type", "application/vnd.example", R"({})", ErrorCode::kManifestUnsupported},
          Case{"schema 1", "", R"({"schemaVersion":1,"fsLayers":[{"blobSum":"%D"}],"signatures":[]})", kGood},
      }) {
    const Result<Manifest> manifest = ParseManifest(Fill(c.content), c.declared);
    EXPECT_EQ(manifest ? kGood : manifest.error().code(), c.code) << c.why;
  }
  EXPECT_EQ(ParseManifest(std::string(kMaxManifestBytes + 1, ' '), kImage).error().code(),
            ErrorCode::kManifestTooLarge);
}

TEST(Manifest, TellsWhatItRefersTo) {
  const Manifest manifest = ParseManifest(Fill(R"({
      "artifactType":"application/x", "config":{"mediaType":"application/c","digest":"%D","size":3},
      "layers":[{"mediaType":"application/l","digest":"%D","size":5},
                {"mediaType":"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip","digest":"%D","size":7,
                 "urls":["https://example.com/x"]}],
      "subject":{"digest":"%D","size":1}, "annotations":{"a":"b"}})"),
                                          kImage)
                                .value();
  ASSERT_EQ(manifest.references.size(), 4u);
  EXPECT_EQ(manifest.references[0].kind, ReferenceKind::kConfig);
  EXPECT_EQ(manifest.references[1].kind, ReferenceKind::kLayer);
  EXPECT_EQ(manifest.references[1].media_type, "application/l");
  EXPECT_FALSE(manifest.references[1].elsewhere);
  EXPECT_EQ(manifest.references[2].kind, ReferenceKind::kLayer);
  EXPECT_TRUE(manifest.references[2].elsewhere);
  EXPECT_EQ(manifest.references[3].kind, ReferenceKind::kSubject);
  EXPECT_EQ(manifest.layers_size, 8);  // but for what lives elsewhere
  EXPECT_EQ(manifest.artifact_type, "application/x");
  EXPECT_TRUE(manifest.subject);
  ASSERT_EQ(manifest.annotations.size(), 1u);
}

TEST(Manifest, AnIndexMayListLayers) {
  const Result<Manifest> cache = ParseManifest(Fill(R"({"manifests":[
      {"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"%D","size":3},
      {"mediaType":"application/vnd.buildkit.cacheconfig.v0","digest":"%D","size":4},
      {"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"%D","size":5},
      {"digest":"%D","size":6}]})"),
                                               kIndex);
  ASSERT_TRUE(cache);
  std::vector<ReferenceKind> kinds;
  for (const Reference& reference : cache->references) kinds.push_back(reference.kind);
  EXPECT_EQ(kinds, (std::vector{ReferenceKind::kLayer, ReferenceKind::kLayer, ReferenceKind::kManifest,
                                ReferenceKind::kManifest}));
}

TEST(TagFilter, StarsTakeAnyRun) {
  for (const char* tag : {"dev-1", "dev-"}) EXPECT_TRUE(MatchesTagFilter("dev-*", tag)) << tag;
  EXPECT_FALSE(MatchesTagFilter("dev-*", "adev-1"));
  EXPECT_TRUE(MatchesTagFilter("*a*", "bab"));
  EXPECT_TRUE(MatchesTagFilter("*aab", "aaaab"));
  EXPECT_FALSE(MatchesTagFilter("*aab", "aaaba"));
  EXPECT_FALSE(MatchesTagFilter("", "a"));
  EXPECT_TRUE(MatchesTagFilter("**", ""));
}

}  // namespace
}  // namespace entrepot::registry
