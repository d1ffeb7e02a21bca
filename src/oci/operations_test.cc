#include "oci/operations.h"

#include <set>
#include <string_view>

#include <gtest/gtest.h>

namespace entrepot::oci {
namespace {

TEST(Operations, AreDistinctAndComplete) {
  std::set<std::string_view> names;
  std::set<std::pair<RouteKind, http::Method>> keys;
  for (const Operation& operation : Operations()) {
    EXPECT_TRUE(names.insert(operation.name).second) << operation.name;
    EXPECT_TRUE(keys.insert({operation.route, operation.method}).second) << operation.name;
    EXPECT_NE(operation.run, nullptr) << operation.name;
    EXPECT_EQ(FindOperation(operation.route, operation.method), &operation);
  }
}

// Nothing of a repository is answered on a good token alone.
TEST(Operations, OfARepositoryNeedLeave) {
  for (const Operation& operation : Operations()) {
    const bool of_repository = operation.route != RouteKind::kRoot && operation.route != RouteKind::kCatalog;
    EXPECT_EQ(operation.action.starts_with("ecr:"), of_repository) << operation.name;
  }
}

// design-access 3: uploads and the manifest PUT, nothing that reads or deletes.
TEST(Operations, OnlyAPushOutlivesItsToken) {
  for (const Operation& operation : Operations()) {
    const bool of_push = operation.route == RouteKind::kUploads || operation.route == RouteKind::kUpload ||
                         operation.name == "PutManifest";
    EXPECT_EQ(operation.outlives_token, of_push) << operation.name;
  }
}

TEST(Operations, AllowNamesTheMethods) {
  EXPECT_EQ(MethodsOf(RouteKind::kManifest), "GET, HEAD, PUT, DELETE");
  EXPECT_EQ(MethodsOf(RouteKind::kUploads), "POST");
  EXPECT_EQ(FindOperation(RouteKind::kRoot, http::Method::kPost), nullptr);
}

}  // namespace
}  // namespace entrepot::oci
