// No request walks over what is stored: every statement that the domain's operations run finds its rows by an
// index that leads to them, and a list begins where its page does (performance.md, growth).

#include <gtest/gtest.h>

#include "metadata/sql/statement_trace.h"
#include "registry/referrers.h"
#include "registry/test_registry.h"

namespace entrepot::registry {
namespace {

const std::string kIndexType = "application/vnd.oci.image.index.v1+json",
                  kManifestType = "application/vnd.oci.image.manifest.v1+json";

std::string IndexOf(const Digest& child, std::size_t size) {
  return fmt::format(
      R"({{"schemaVersion":2,"mediaType":"{}","manifests":[{{"mediaType":"{}","digest":"{}","size":{}}}]}})",
      kIndexType, kManifestType, child.ToString(), size);
}

// A single row (of which a repository's policy is one), and lists that are bounded.
bool IsBounded(const std::string& step) {
  return step == "SCAN CONSTANT ROW" || step.find("store_facts") != step.npos ||
         step.find("repository_tags") != step.npos || step.find("repository_policies") != step.npos;
}

// A step that reads all rows of a repository or a registry, or more. Reading the first of them is no walk.
bool Walks(const std::string& statement, const std::string& step) {
  if (IsBounded(step) || statement.find("LIMIT 1") != statement.npos) return false;
  return step.starts_with("SCAN") || step.ends_with("(registry=? AND repository=?)") ||
         step.ends_with("(registry=?)");
}

TEST(RequestCost, NoStatementWalksARepository) {
  metadata::sql::TestDirectory directory;
  ManualClock clock;
  metadata::sql::StatementTrace trace;
  TestRegistry registry(directory, clock, {.receivers = {metadata::EventReceiver::kFile}});
  Referrers referrers(*registry.store);
  const RepositoryPtr app = registry.Create("team/app"), other = registry.Create("team/other");
  trace.Clear();

  // Pushes: an image, an index over it, a second tag, a moved tag, a mount, a chunked upload that is
  // cancelled.
  const std::string config = "config", layer(10'000, 'l'),
                    manifest = TestRegistry::ManifestOf(config, {layer});
  const Digest image = Must(registry.PushImage(*app, config, {layer}, "v1")).digest;
  Must(registry.Put(*app, IndexOf(image, manifest.size()), "index"));
  Must(registry.PushImage(*app, config, {layer}, "v2"));
  Must(registry.PushImage(*app, "other config", {layer}, "v1"));
  Must(registry.layers->Mount(*app, *other, TestRegistry::DigestOf(layer)));
  const UploadTicket ticket = registry.uploads->Open(*app, "AIDATEST");
  Must(registry.uploads->Append(*app, ticket, {0, std::nullopt}, BlockOf(std::string(5 << 20, 'x'))));
  Must(registry.uploads->Status(*app, ticket));
  Must(registry.uploads->Cancel(*app, ticket));

  // Questions and lists, first and later pages.
  Must(registry.layers->Claim(*app, TestRegistry::DigestOf(layer)));
  Must(registry.Pull(*other, TestRegistry::DigestOf(layer)));
  Must(registry.images->Get(*app, {std::nullopt, ImageTag::Trusted("v1")}));
  Must(registry.images->Describe(*app, {image, std::nullopt}));
  const auto images = Must(registry.images->List(*app, {}, {.limit = 1, .after = ""}));
  Must(registry.images->List(*app, {}, {.limit = 1, .after = images.next}));
  const auto ids = Must(registry.images->ListIds(*app, {TagStatus::kTagged}, {.limit = 1, .after = ""}));
  Must(registry.images->ListIds(*app, {TagStatus::kTagged}, {.limit = 1, .after = ids.next}));
  const auto tags = Must(registry.images->ListTags(*app, {.limit = 1, .after = ""}));
  Must(registry.images->ListTags(*app, {.limit = 1, .after = tags.next}));
  Must(referrers.List(*app, image, {}, {.limit = 1, .after = ""}));
  const auto repositories = Must(registry.repositories->List(TestRegistryName(), {.limit = 1, .after = ""}));
  Must(registry.repositories->List(TestRegistryName(), {.limit = 1, .after = repositories.next}));

  // Storage classes: an image goes to the archive, comes back, and is archived again.
  const auto update = [&](StorageClass target) {
    Must(registry.storage_classes->Update(*app, {std::nullopt, ImageTag::Trusted("v1")}, target));
    registry.RunArchivist();
  };
  update(StorageClass::kArchive);
  update(StorageClass::kStandard);
  update(StorageClass::kArchive);

  // Deletions: a tag, a refused child, an index, an image, a layer, repositories.
  Must(registry.images->Delete(*app, {std::nullopt, ImageTag::Trusted("v2")}, false));
  EXPECT_FALSE(registry.images->Delete(*app, {image, std::nullopt}, true));
  Must(registry.images->Delete(*app, {std::nullopt, ImageTag::Trusted("index")}, true));
  Must(registry.images->Delete(*app, {image, std::nullopt}, true));
  Must(registry.layers->Delete(*other, TestRegistry::DigestOf(layer)));
  Must(registry.repositories->Delete(TestRegistryName(), other->name, false));
  Must(registry.repositories->Delete(TestRegistryName(), app->name, true));

  const auto statements = trace.statements();
  ASSERT_GT(statements.size(), 40u);
  for (const std::string& statement : statements)
    for (const std::string& step : metadata::sql::PlanOf(directory.File("db"), statement))
      EXPECT_FALSE(Walks(statement, step)) << step << "\n  in " << statement;
}

}  // namespace
}  // namespace entrepot::registry
