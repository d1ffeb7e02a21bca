// What happens to images is announced in the transaction in which it happens, in ECR's shapes, and nothing
// else is.

#include "registry/announce.h"

#include <gmock/gmock.h>

#include "base/json.h"
#include "registry/refs.h"
#include "registry/test_registry.h"

namespace entrepot::registry {
namespace {

using metadata::EventReceiver;
using testing::ElementsAre;
using testing::IsEmpty;

class AnnounceTest : public RegistryTest {
 protected:
  AnnounceTest() { Restart({.receivers = {EventReceiver::kFile}}); }

  /// Takes what waits for a receiver, of all repositories.
  std::vector<boost::json::value> Take(EventReceiver receiver = EventReceiver::kFile) {
    return Must(registry->store->Write(
        [&](metadata::WriteTransaction& transaction) -> Result<std::vector<boost::json::value>> {
          std::vector<boost::json::value> taken;
          const Timestamp now = transaction.store_time();
          for (const auto& claim : TRY(metadata::ClaimEvents(transaction, receiver, now, 100, 100))) {
            for (const metadata::EventRow& event : claim.events)
              taken.push_back(TRY(ParseJson(event.content)));
            TRY(metadata::EndClaim(transaction, receiver, claim,
                                   {.delivered = claim.events.size(), .due = now, .error = ""}));
          }
          return taken;
        }));
  }
  /// "PUSH v1", by event.
  static std::vector<std::string> Actions(const std::vector<boost::json::value>& events) {
    std::vector<std::string> actions;
    for (const boost::json::value& event : events) {
      const boost::json::value& detail = event.at("detail");
      actions.push_back(std::string(StringMember(detail, "action-type")) + " " +
                        std::string(StringMember(detail, "image-tag")));
    }
    return actions;
  }
  static Digest DigestIn(const std::string& manifest) { return TestRegistry::DigestOf(manifest); }
};

TEST_F(AnnounceTest, APushHasEcrsShape) {
  const RepositoryPtr app = registry->Create("team/app");
  const PutImageResult put = Must(registry->PushImage(*app, "config", {"layer"}, "v1"));
  const auto events = Take();
  ASSERT_EQ(events.size(), 1u);
  boost::json::object event = events.front().as_object();
  EXPECT_EQ(event.at("id").as_string().size(), 36u);
  event.erase("id");
  const boost::json::object expected{{"version", "0"},
                                     {"detail-type", "ECR Image Action"},
                                     {"source", "aws.ecr"},
                                     {"account", "123456789012"},
                                     {"time", "2023-11-14T22:13:20Z"},
                                     {"region", "us-west-2"},
                                     {"resources", boost::json::array()},
                                     {"detail",
                                      {{"result", "SUCCESS"},
                                       {"repository-name", "team/app"},
                                       {"image-digest", put.digest.ToString()},
                                       {"action-type", "PUSH"},
                                       {"image-tag", "v1"},
                                       {"manifest-media-type", "application/vnd.oci.image.manifest.v1+json"},
                                       {"artifact-media-type", "application/vnd.oci.image.config.v1+json"}}}};
  EXPECT_EQ(event, expected);
}

TEST_F(AnnounceTest, EveryTagThatIsPutOrGoesIsToldAndNothingTwice) {
  const RepositoryPtr app = registry->Create("team/app");
  const std::string manifest = TestRegistry::ManifestOf("config", {});
  Must(registry->PushImage(*app, "config", {}, ""));
  Must(registry->Put(*app, manifest, "v1"));
  Must(registry->Put(*app, manifest, "v1"));  // changes nothing
  Must(registry->Put(*app, manifest, "v2"));
  Must(registry->Put(*app, manifest, "v3"));
  EXPECT_THAT(Actions(Take()), ElementsAre("PUSH ", "PUSH v1", "PUSH v2", "PUSH v3"));
  Must(registry->images->Delete(*app, {std::nullopt, ImageTag::Trusted("v2")}, true));
  EXPECT_THAT(Actions(Take()), ElementsAre("DELETE v2"));
  Must(registry->images->Delete(*app, {DigestIn(manifest), std::nullopt}, true));
  EXPECT_THAT(Actions(Take()), ElementsAre("DELETE v1", "DELETE v3"));
  Must(registry->Put(*app, manifest));
  Must(registry->images->Delete(*app, {DigestIn(manifest), std::nullopt}, true));
  EXPECT_THAT(Actions(Take()), ElementsAre("PUSH ", "DELETE "));
}

TEST_F(AnnounceTest, WhatDoesNotHappenIsNotTold) {
  const RepositoryPtr app = registry->Create("team/app");
  EXPECT_FALSE(registry->Put(*app, TestRegistry::ManifestOf("absent", {}), "v1"));
  EXPECT_FALSE(registry->images->Delete(*app, {std::nullopt, ImageTag::Trusted("v1")}, true));
  EXPECT_THAT(Take(), IsEmpty());
}

TEST_F(AnnounceTest, ReferrersHaveATypeOfTheirOwnAndGoWithTheirSubject) {
  const RepositoryPtr app = registry->Create("team/app");
  const std::string image = TestRegistry::ManifestOf("config", {});
  Must(registry->PushImage(*app, "config", {}, "v1"));
  const std::string artifact =
      R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",)"
      R"("artifactType":"application/spdx+json","config":{"mediaType":"application/vnd.oci.empty.v1+json",)"
      R"("digest":")" +
      TestRegistry::DigestOf("config").ToString() +
      R"(","size":6},"layers":[],"subject":{"mediaType":"application/vnd.oci.image.manifest.v1+json",)"
      R"("digest":")" +
      DigestIn(image).ToString() + R"(","size":)" + std::to_string(image.size()) + "}}";
  Must(registry->Put(*app, artifact));
  const auto pushed = Take();
  ASSERT_EQ(pushed.size(), 2u);
  EXPECT_EQ(StringMember(pushed[1], "detail-type"), "ECR Referrer Action");
  EXPECT_EQ(StringMember(pushed[1].at("detail"), "artifact-media-type"), "application/spdx+json");

  Must(registry->images->Delete(*app, {DigestIn(image), std::nullopt}, true));
  clock.Advance(std::chrono::hours(25));
  registry->CollectAll();
  const auto gone = Take();
  EXPECT_THAT(Actions(gone), ElementsAre("DELETE v1", "DELETE "));
  EXPECT_EQ(StringMember(gone[1], "detail-type"), "ECR Referrer Action");
  EXPECT_EQ(StringMember(gone[1].at("detail"), "image-digest"), DigestIn(artifact).ToString());
}

TEST_F(AnnounceTest, AStorageClassSaysItsTargetAndWhenItWasActivated) {
  const RepositoryPtr app = registry->Create("team/app");
  const PutImageResult put = Must(registry->PushImage(*app, "config", {}, ""));
  Take();
  Must(registry->store->Write([&](metadata::WriteTransaction& transaction) -> Result<> {
    const auto row = TRY(metadata::FindManifest(transaction.session(), RefOf(*app), put.digest));
    TRY(AnnounceStorageClass(transaction, registry->outbox, RefOf(*app), *row, "ARCHIVE", std::nullopt));
    return AnnounceStorageClass(transaction, registry->outbox, RefOf(*app), *row, "STANDARD",
                                Timestamp{1'700'000'000'123'456});
  }));
  const auto events = Take();
  EXPECT_THAT(Actions(events), ElementsAre("UPDATE_STORAGE_CLASS ", "UPDATE_STORAGE_CLASS "));
  EXPECT_EQ(StringMember(events[0].at("detail"), "target-storage-class"), "ARCHIVE");
  EXPECT_FALSE(events[0].at("detail").as_object().contains("last-activated-at"));
  EXPECT_EQ(StringMember(events[1].at("detail"), "target-storage-class"), "STANDARD");
  EXPECT_EQ(StringMember(events[1].at("detail"), "last-activated-at"), "2023-11-14T22:13:20.123Z");
}

TEST_F(AnnounceTest, EveryReceiverGetsTheSameEventAndNobodyGetsNone) {
  Restart({.receivers = {EventReceiver::kFile, EventReceiver::kWebhook}});
  const RepositoryPtr app = registry->Create("team/app");
  Must(registry->PushImage(*app, "config", {}, "v1"));
  const auto file = Take(), webhook = Take(EventReceiver::kWebhook);
  ASSERT_EQ(file.size(), 1u);
  EXPECT_EQ(file, webhook);
  Restart();  // nobody is told
  Must(registry->images->Delete(*registry->Find("team/app"), {std::nullopt, ImageTag::Trusted("v1")}, true));
  EXPECT_THAT(Take(), IsEmpty());
}

}  // namespace
}  // namespace entrepot::registry
