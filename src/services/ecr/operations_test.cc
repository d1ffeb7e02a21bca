#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/ecr/ecr.h"

namespace entrepot::ecr {
namespace {

TEST(EcrService, EveryModelledOperationHasARowOrAReason) {
  // The table only keeps the reference; no row runs here.
  alignas(Ecr) std::byte place[sizeof(Ecr)];
  EXPECT_THAT(aws::FaultsOf(EcrService(reinterpret_cast<Ecr&>(place))), testing::IsEmpty());
}

}  // namespace
}  // namespace entrepot::ecr
