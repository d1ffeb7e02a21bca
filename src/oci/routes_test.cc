#include "oci/routes.h"

#include <string>

#include <gtest/gtest.h>

namespace entrepot::oci {
namespace {

const std::string kDigest = "sha256:" + std::string(64, 'a');

std::string Describe(const Route& route) {
  static constexpr const char* kNames[] = {"root", "catalog", "tags",   "manifest",
                                           "blob", "uploads", "upload", "referrers"};
  std::string text = kNames[static_cast<int>(route.kind)];
  if (route.repository) text += " " + route.repository->str();
  if (route.tag) text += " tag=" + route.tag->str();
  if (route.digest) text += " digest=" + route.digest->ToString();
  if (!route.upload.empty()) text += " upload=" + route.upload;
  return text;
}

struct Good {
  std::string path, route;
};

TEST(Routes, AreReadFromTheirRightEnd) {
  const Good cases[] = {
      {"/v2", "root"},
      {"/v2/", "root"},
      {"/v2/_catalog", "catalog"},
      {"/v2/app/tags/list", "tags app"},
      {"/v2/tags/list/tags/list", "tags tags/list"},
      {"/v2/team/app/manifests/v1.0", "manifest team/app tag=v1.0"},
      {"/v2/app/manifests/list", "manifest app tag=list"},
      {"/v2/app/manifests/" + kDigest, "manifest app digest=" + kDigest},
      {"/v2/app/manifests/sha512:" + std::string(128, '0'),
       "manifest app digest=sha512:" + std::string(128, '0')},
      {"/v2/app/manifests/" + std::string(300, 't'), "manifest app tag=" + std::string(300, 't')},
      {"/v2/app/blobs/" + kDigest, "blob app digest=" + kDigest},
      {"/v2/app/blobs/uploads/", "uploads app"},
      {"/v2/app/blobs/uploads", "uploads app"},
      {"/v2/app/blobs/uploads/9f", "upload app upload=9f"},
      {"/v2/blobs/uploads/blobs/uploads/", "uploads blobs/uploads"},
      {"/v2/app/blobs/uploads/manifests/latest", "manifest app/blobs/uploads tag=latest"},
      {"/v2/manifests/manifests/manifests/latest", "manifest manifests/manifests tag=latest"},
      {"/v2/app/referrers/" + kDigest, "referrers app digest=" + kDigest},
      {"/v2/%61pp/manifests/v%31", "manifest app tag=v1"},
      {"/v2/app/blobs/sha256%3A" + std::string(64, 'a'), "blob app digest=" + kDigest},
  };
  for (const Good& good : cases) {
    const Result<Route> route = ParseRoute(good.path);
    ASSERT_TRUE(route) << good.path << ": " << route.error().ToString();
    EXPECT_EQ(Describe(*route), good.route) << good.path;
  }
}

struct Bad {
  std::string path;
  ErrorCode code;
};

TEST(Routes, RefuseWhatIsNoRoute) {
  using enum ErrorCode;
  const Bad cases[] = {
      // design-access 12: nothing that another hop may read as another path
      {"/v2/app%2Fother/tags/list", kMalformedRequest},
      {"/v2/app%2fother/tags/list", kMalformedRequest},
      {"/v2/app%5Cother/tags/list", kMalformedRequest},
      {"/v2/app\\other/tags/list", kMalformedRequest},
      {"/v2/app/../other/tags/list", kMalformedRequest},
      {"/v2/app/%2e%2e/other/tags/list", kMalformedRequest},
      {"/v2/./app/tags/list", kMalformedRequest},
      {"/v2//app/tags/list", kMalformedRequest},
      {"/v2/app//tags/list", kMalformedRequest},
      {"/v2/app/blobs/uploads//", kMalformedRequest},
      {"//v2/app/tags/list", kMalformedRequest},
      {"/v2/app%00/tags/list", kMalformedRequest},
      {"/v2/app/tags/list%", kMalformedRequest},
      {"/v2/app/tags/list%4", kMalformedRequest},
      {"v2/", kMalformedRequest},
      {"", kMalformedRequest},
      // no such form
      {"/v1/", kUnknownOperation},
      {"/v2x", kUnknownOperation},
      {"/v2/app", kUnknownOperation},
      {"/v2/app/tags", kUnknownOperation},
      {"/v2/app/tags/list/", kUnknownOperation},
      {"/v2/tags/list", kUnknownOperation},
      {"/v2/manifests/latest", kUnknownOperation},
      {"/v2/blobs/uploads/", kUnknownOperation},
      {"/v2/blobs/uploads/9f", kUnknownOperation},
      {"/v2/_catalog/", kUnknownOperation},
      {"/v2/app/uploads/9f", kUnknownOperation},
      // names
      {"/v2/a/tags/list", kInvalidParameter},
      {"/v2/App/tags/list", kInvalidParameter},
      {"/v2/app_/tags/list", kInvalidParameter},
      {"/v2/" + std::string(257, 'a') + "/tags/list", kInvalidParameter},
      {"/v2/app/manifests/", kInvalidParameter},
      {"/v2/app/manifests/v+1", kInvalidParameter},
      {"/v2/app/manifests/" + std::string(301, 't'), kInvalidParameter},
      {"/v2/app/manifests/sha256:abc", kDigestInvalid},
      {"/v2/app/manifests/md5:abc", kDigestInvalid},
      {"/v2/app/blobs/latest", kDigestInvalid},
      {"/v2/app/blobs/sha256:" + std::string(64, 'A'), kDigestInvalid},
      {"/v2/app/referrers/sha256:1", kDigestInvalid},
  };
  for (const Bad& bad : cases) {
    const Result<Route> route = ParseRoute(bad.path);
    ASSERT_FALSE(route) << bad.path << " became " << Describe(*route);
    EXPECT_EQ(route.error().code(), bad.code) << bad.path << ": " << route.error().ToString();
  }
}

TEST(Routes, SplitAgreesWithParse) {
  const std::string path = "/v2/team/app/blobs/" + kDigest;
  const auto parts = SplitPath(path);
  ASSERT_TRUE(parts);
  EXPECT_EQ(parts->kind, RouteKind::kBlob);
  EXPECT_EQ(parts->repository, "team/app");
  EXPECT_EQ(parts->reference, kDigest);
}

}  // namespace
}  // namespace entrepot::oci
