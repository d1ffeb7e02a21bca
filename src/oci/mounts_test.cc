// Layers that another repository has: design-access 6.

#include "oci/mounts.h"

#include <string>

#include <gtest/gtest.h>

#include "oci/test_door.h"

namespace entrepot::oci {
namespace {

using namespace std::chrono_literals;

class Mounts : public Door {
 protected:
  Mounts() { CreateRepository("other"); }

  void CreateRepository(const std::string& name) {
    ASSERT_TRUE(repositories_.Create(
        access_.registry, {.name = RepositoryName::Trusted(name), .tag_exclusions = {}, .tags = {}}));
  }
  static std::string ArnOf(const std::string& name) {
    return "arn:aws:ecr:us-west-2:123456789012:repository/" + name;
  }
  int Head() { return Send(Method::kHead, "/v2/other/blobs/" + digest_).status; }
  int MountAnonymously() { return Send(Method::kPost, "/v2/other/blobs/uploads/?mount=" + digest_).status; }
  bool IsLinked() { return Send(Method::kGet, "/v2/other/blobs/" + digest_).status == 200; }

  const std::string digest_ = PushBlob("shared");
};

TEST_F(Mounts, APusherWhoAsksGetsWhatItMayReadElsewhere) {
  EXPECT_FALSE(IsLinked());
  EXPECT_EQ(Head(), 200);
  EXPECT_TRUE(IsLinked());
}

TEST_F(Mounts, WithoutASourceItMayBeAny) {
  EXPECT_EQ(MountAnonymously(), 201);
  EXPECT_TRUE(IsLinked());
}

// Each leave that is missing, and what then is said: what is said of a layer that is nowhere.
TEST_F(Mounts, NeedLeaveToReadThereAndToPushHere) {
  for (const std::string& question :
       {"ecr:GetDownloadUrlForLayer " + arn_, "ecr:InitiateLayerUpload " + ArnOf("other"),
        "ecr:PutImage " + ArnOf("other")}) {
    access_.denied = {question};
    EXPECT_EQ(Head(), 404) << question;
    EXPECT_EQ(MountAnonymously(), question.starts_with("ecr:Initiate") ? 403 : 202) << question;
    access_.denied.clear();
    EXPECT_FALSE(IsLinked()) << question;
  }
}

TEST_F(Mounts, APullAloneLinksNothing) {
  EXPECT_EQ(Send(Method::kGet, "/v2/other/blobs/" + digest_).status, 404);
  access_.denied = {"ecr:PutImage " + ArnOf("other")};
  EXPECT_EQ(Head(), 404);
  access_.denied.clear();
  EXPECT_EQ(Send(Method::kGet, "/v2/other/blobs/" + digest_).status, 404);
}

TEST_F(Mounts, TheFirstSourceThatMayBeReadIsEnough) {
  for (const char* name : {"one", "two", "three"}) {
    CreateRepository(name);
    ASSERT_EQ(
        Send(Method::kPost, std::string("/v2/") + name + "/blobs/uploads/?from=team/app&mount=" + digest_)
            .status,
        201);
  }
  access_.denied = {"ecr:GetDownloadUrlForLayer " + arn_, "ecr:GetDownloadUrlForLayer " + ArnOf("one"),
                    "ecr:GetDownloadUrlForLayer " + ArnOf("two")};
  EXPECT_EQ(Head(), 200);
}

TEST_F(Mounts, LookAtNoMoreThan32Sources) {
  for (int number = 0; number < 40; ++number) {
    const std::string name = "copy/" + std::to_string(number);
    CreateRepository(name);
    ASSERT_EQ(Send(Method::kPost, "/v2/" + name + "/blobs/uploads/?from=team/app&mount=" + digest_).status,
              201);
    access_.denied.insert("ecr:GetDownloadUrlForLayer " + ArnOf(name));
  }
  access_.denied.insert("ecr:GetDownloadUrlForLayer " + arn_);
  access_.asked.clear();
  EXPECT_EQ(Head(), 404);
  EXPECT_EQ(
      std::ranges::count_if(
          access_.asked, [](const std::string& question) { return question.starts_with("ecr:GetDownload"); }),
      32);
}

TEST_F(Mounts, ADeletedRepositoryIsNoSource) {
  ASSERT_TRUE(repositories_.Delete(access_.registry, RepositoryName::Trusted("team/app"), true));
  EXPECT_EQ(Head(), 404);
  EXPECT_EQ(MountAnonymously(), 202);
}

TEST_F(Mounts, AnotherRegistryIsNoSource) {
  access_.registry.region = Region::Trusted("eu-west-1");
  CreateRepository("other");
  EXPECT_EQ(Head(), 404);
}

TEST_F(Mounts, AreOffWhereTheAccountSettingSaysSo) {
  ASSERT_TRUE(account_settings_.Put(access_.registry, "BLOB_MOUNTING", "DISABLED"));
  EXPECT_EQ(Head(), 404);
  EXPECT_EQ(MountAnonymously(), 202);
  EXPECT_EQ(Send(Method::kPost, "/v2/other/blobs/uploads/?from=team/app&mount=" + digest_).status, 202);
  ASSERT_TRUE(account_settings_.Put(access_.registry, "BLOB_MOUNTING", "ENABLED"));
  EXPECT_EQ(Head(), 200);
}

// What was deleted does not come back by a question, but by a push.
TEST_F(Mounts, WhatWasJustDeletedStaysDeleted) {
  ASSERT_EQ(Head(), 200);
  ASSERT_EQ(Send(Method::kDelete, "/v2/other/blobs/" + digest_).status, 202);
  EXPECT_EQ(Head(), 404);
  EXPECT_EQ(MountAnonymously(), 201);
  EXPECT_EQ(Head(), 200);
}

TEST_F(Mounts, ADeletionIsForgottenAfterAnHour) {
  ASSERT_EQ(Head(), 200);
  ASSERT_EQ(Send(Method::kDelete, "/v2/other/blobs/" + digest_).status, 202);
  clock_.Advance(1h);
  EXPECT_EQ(Head(), 200);
}

}  // namespace
}  // namespace entrepot::oci
