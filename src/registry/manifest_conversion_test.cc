#include "registry/manifest_conversion.h"

#include <vector>

#include <gtest/gtest.h>

namespace entrepot::registry {
namespace {

const std::string kDockerType = "application/vnd.docker.distribution.manifest.v2+json",
                  kOciType = "application/vnd.oci.image.manifest.v1+json";

const std::string kDocker =
    R"({"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json",)"
    R"("config":{"mediaType":"application/vnd.docker.container.image.v1+json","digest":"sha256:aa","size":2},)"
    R"("layers":[{"mediaType":"application/vnd.docker.image.rootfs.diff.tar.gzip","digest":"sha256:bb","size":3},)"
    R"({"mediaType":"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip","digest":"sha256:cc","size":4,)"
    R"("urls":["https://example.com/layer"]}]})";
const std::string kOci =
    R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",)"
    R"("config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:aa","size":2},)"
    R"("layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","digest":"sha256:bb","size":3},)"
    R"({"mediaType":"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip","digest":"sha256:cc","size":4,)"
    R"("urls":["https://example.com/layer"]}]})";

std::string Converted(const std::string& content, const std::string& from,
                      const std::vector<std::string>& accepted) {
  const auto converted = ConvertManifest(content, from, accepted);
  return converted ? converted->media_type + " " + converted->content : "nothing";
}

std::string Replaced(std::string text, const std::string& what, const std::string& with) {
  return text.replace(text.find(what), what.size(), with);
}

TEST(ManifestConversion, EachFormatIsToldInTheOther) {
  EXPECT_EQ(Converted(kDocker, kDockerType, {kOciType}), kOciType + " " + kOci);
  EXPECT_EQ(Converted(kOci, kOciType, {"text/plain", kDockerType}), kDockerType + " " + kDocker);
}

TEST(ManifestConversion, AnnotationsAreNotMissed) {
  const std::string annotated = Replaced(Replaced(kOci, R"("size":3)", R"("size":3,"annotations":{"a":"b"})"),
                                         R"("config")", R"("annotations":{"c":"d"},"config")");
  EXPECT_EQ(Converted(annotated, kOciType, {kDockerType}), kDockerType + " " + kDocker);
}

TEST(ManifestConversion, WhatTheOtherFormatCannotSayIsNotConverted) {
  EXPECT_EQ(Converted(kOci, kOciType, {"text/plain"}), "nothing") << "not asked for";
  EXPECT_EQ(Converted(kOci, "application/vnd.oci.image.index.v1+json", {kDockerType}), "nothing");
  for (const char* member :
       {R"("subject":{"digest":"sha256:dd"})", R"("artifactType":"text/plain")", R"("other":1)"})
    EXPECT_EQ(Converted(Replaced(kOci, R"("config")", std::string(member) + R"(,"config")"), kOciType,
                        {kDockerType}),
              "nothing")
        << member;
  EXPECT_EQ(Converted(Replaced(kOci, "image.config", "helm.config"), kOciType, {kDockerType}), "nothing");
  EXPECT_EQ(Converted(Replaced(kOci, "layer.v1.tar+gzip", "layer.v1.wasm"), kOciType, {kDockerType}),
            "nothing");
  EXPECT_EQ(Converted("{}", kOciType, {kDockerType}), "nothing");
  EXPECT_EQ(Converted("[", kOciType, {kDockerType}), "nothing");
}

}  // namespace
}  // namespace entrepot::registry
