#include "registry/storage_class.h"

#include <gmock/gmock.h>

#include "metadata/usage.h"
#include "registry/referrers.h"
#include "registry/test_registry.h"

namespace entrepot::registry {
namespace {

class StorageClassTest : public RegistryTest {
 protected:
  Digest PushImage(const Repository& in, const std::string& config, const std::vector<std::string>& layers,
                   const std::string& tag) {
    return Must(registry->PushImage(in, config, layers, tag)).digest;
  }
  Result<ImageStatus> Update(const Repository& in, const Digest& image, StorageClass target) {
    return registry->storage_classes->Update(in, {image, std::nullopt}, target);
  }
  ImageStatus StatusOf(const Repository& in, const Digest& image) {
    return Must(registry->images->Describe(in, {image, std::nullopt})).status;
  }
  ErrorCode WhyNot(const Repository& in, const std::string& layer) {
    return CodeOf(registry->layers->Open(in, TestRegistry::DigestOf(layer)));
  }
  void ExpectConsistent() {
    FsckStep step;
    do {
      step = Must(registry->fsck->Step({}));
      for (const FsckFinding& finding : step.findings)
        ADD_FAILURE() << finding.code << " " << finding.subject << " " << finding.detail;
    } while (!step.done);
  }

  const std::string small_ = "small", layer_ = std::string(50'000, 'l');
  RepositoryPtr app_ = registry->Create("team/app"), other_ = registry->Create("team/other");
};

TEST_F(StorageClassTest, WhatWasInMemoryIsGoneAtOnce) {
  const Digest image = PushImage(*app_, "config", {small_, layer_}, "v1");
  Must(registry->images->Get(*app_, {std::nullopt, ImageTag::Trusted("v1")}));
  Must(registry->layers->Open(*app_, TestRegistry::DigestOf(layer_)));
  ASSERT_NE(registry->images->TryGet(*app_, "v1"), nullptr);
  ASSERT_NE(registry->layers->TryOpen(*app_, TestRegistry::DigestOf(layer_).ToString()), nullptr);
  EXPECT_EQ(Must(Update(*app_, image, StorageClass::kArchive)), ImageStatus::kArchived);
  EXPECT_EQ(registry->images->TryGet(*app_, "v1"), nullptr);
  EXPECT_EQ(registry->layers->TryOpen(*app_, TestRegistry::DigestOf(layer_).ToString()), nullptr);
  EXPECT_EQ(CodeOf(registry->images->Get(*app_, {image, std::nullopt})), ErrorCode::kImageArchived);
  EXPECT_EQ(WhyNot(*app_, layer_), ErrorCode::kLayerArchived);
  EXPECT_EQ(CodeOf(registry->layers->Claim(*app_, TestRegistry::DigestOf(small_))),
            ErrorCode::kLayerArchived);
  EXPECT_FALSE(Must(registry->layers->Mount(*app_, *other_, TestRegistry::DigestOf(layer_))));
  ExpectConsistent();
}

TEST_F(StorageClassTest, TheClassThatItHasIsRefused) {
  const Digest image = PushImage(*app_, "config", {}, "v1");
  EXPECT_EQ(CodeOf(Update(*app_, image, StorageClass::kStandard)), ErrorCode::kStorageClassNotSupported);
  Must(Update(*app_, image, StorageClass::kArchive));
  EXPECT_EQ(CodeOf(Update(*app_, image, StorageClass::kArchive)), ErrorCode::kStorageClassNotSupported);
  Must(Update(*app_, image, StorageClass::kStandard));
  for (const StorageClass target : {StorageClass::kStandard, StorageClass::kArchive})
    EXPECT_EQ(CodeOf(Update(*app_, image, target)), ErrorCode::kStorageClassNotSupported);  // being activated
  EXPECT_EQ(CodeOf(Update(*app_, TestRegistry::DigestOf("x"), StorageClass::kArchive)),
            ErrorCode::kImageNotFound);
}

TEST_F(StorageClassTest, ItIsActiveWhenItsLayersAreAtHand) {
  const Digest image = PushImage(*app_, "config", {small_, layer_}, "v1");
  Must(Update(*app_, image, StorageClass::kArchive));
  registry->RunArchivist();
  EXPECT_EQ(Must(Update(*app_, image, StorageClass::kStandard)), ImageStatus::kActivating);
  EXPECT_EQ(CodeOf(registry->images->Get(*app_, {image, std::nullopt})), ErrorCode::kImageArchived);
  registry->RunArchivist();
  EXPECT_EQ(StatusOf(*app_, image), ImageStatus::kActive);
  EXPECT_EQ(Must(registry->Pull(*app_, TestRegistry::DigestOf(layer_))), layer_);
  EXPECT_TRUE(Must(registry->images->Get(*app_, {image, std::nullopt})));
  const ImageDetail detail = Must(registry->images->Describe(*app_, {image, std::nullopt}));
  EXPECT_TRUE(detail.last_archived_at && detail.last_activated_at);
  ExpectConsistent();
}

TEST_F(StorageClassTest, ALayerIsInReachWhileAnActiveImageOfItsRepositoryHasIt) {
  const Digest one = PushImage(*app_, "one", {layer_}, "v1"), two = PushImage(*app_, "two", {layer_}, "v2");
  Must(Update(*app_, one, StorageClass::kArchive));
  EXPECT_EQ(Must(registry->Pull(*app_, TestRegistry::DigestOf(layer_))), layer_);
  Must(registry->images->Delete(*app_, {two, std::nullopt}, true));
  EXPECT_EQ(WhyNot(*app_, layer_), ErrorCode::kLayerArchived);
  Must(registry->images->Delete(*app_, {one, std::nullopt}, true));
  EXPECT_EQ(WhyNot(*app_, layer_), ErrorCode::kLayerNotFound);
  ExpectConsistent();
}

TEST_F(StorageClassTest, AnImagePushedAgainIsActiveAtOnce) {
  const Digest image = PushImage(*app_, "config", {layer_}, "v1");
  Must(Update(*app_, image, StorageClass::kArchive));
  registry->RunArchivist();
  const PutImageResult put = Must(registry->PushImage(*app_, "config", {layer_}, "v1"));
  EXPECT_TRUE(put.restored && !put.created && !put.tag_moved);
  EXPECT_EQ(StatusOf(*app_, image), ImageStatus::kActive);
  EXPECT_EQ(Must(registry->Pull(*app_, TestRegistry::DigestOf(layer_))), layer_);
  EXPECT_FALSE(Must(registry->Put(*app_, TestRegistry::ManifestOf("config", {layer_}), "v1")).restored);
  registry->RunArchivist();
  ExpectConsistent();
}

TEST_F(StorageClassTest, AnIndexBringsItsChildrenBack) {
  const std::string child = TestRegistry::ManifestOf("config", {layer_});
  const Digest image = PushImage(*app_, "config", {layer_}, "");
  const Digest index = Must(registry->Put(*app_, TestRegistry::IndexOf({child}), "v1")).digest;
  EXPECT_EQ(CodeOf(Update(*app_, image, StorageClass::kArchive)), ErrorCode::kStorageClassNotSupported);
  Must(Update(*app_, index, StorageClass::kArchive));
  EXPECT_EQ(StatusOf(*app_, image), ImageStatus::kActive);
  Must(Update(*app_, image, StorageClass::kArchive));
  registry->RunArchivist();
  Must(Update(*app_, index, StorageClass::kStandard));
  EXPECT_EQ(StatusOf(*app_, image), ImageStatus::kActivating);
  registry->RunArchivist();
  EXPECT_EQ(StatusOf(*app_, index), ImageStatus::kActive);
  EXPECT_EQ(StatusOf(*app_, image), ImageStatus::kActive);
  ExpectConsistent();
}

TEST_F(StorageClassTest, TheFiguresFollow) {
  const Digest image = PushImage(*app_, "config", {layer_}, "v1");
  const auto archived_bytes = [&] {
    return Must(registry->store->Read([&](metadata::sql::Session& session) {
             return metadata::FindUsage(session, RefOf(*app_));
           }))
        .archived_bytes;
  };
  EXPECT_EQ(archived_bytes(), 0);
  Must(Update(*app_, image, StorageClass::kArchive));
  EXPECT_EQ(archived_bytes(), 50'006);
  registry->RunArchivist();
  EXPECT_EQ(archived_bytes(), 50'006);
  Must(registry->Push(*app_, layer_));
  EXPECT_EQ(archived_bytes(), 6);
  Must(Update(*app_, image, StorageClass::kStandard));
  registry->RunArchivist();
  EXPECT_EQ(archived_bytes(), 0);
  ExpectConsistent();
}

}  // namespace
}  // namespace entrepot::registry
