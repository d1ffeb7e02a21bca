#include "base/shared_library.h"

#include <gtest/gtest.h>

namespace entrepot {
namespace {

TEST(SharedLibrary, ItsFunctionsAreFound) {
  const auto library = SharedLibrary::Load("libm.so.6");
  ASSERT_TRUE(library) << library.error().ToString();
  double (*const square_root)(double) = (*library)["sqrt"];
  EXPECT_EQ(square_root(49), 7);
}

TEST(SharedLibrary, WhatIsMissingIsSaid) {
  const auto library = SharedLibrary::Load("libnothing.so.7");
  ASSERT_FALSE(library);
  EXPECT_EQ(library.error().code(), ErrorCode::kUnavailable);
  EXPECT_NE(library.error().fact("detail").find("libnothing.so.7"), std::string_view::npos);
}

}  // namespace
}  // namespace entrepot
