#include "server/disk_reserve.h"

#include <fstream>
#include <unistd.h>

#include <gtest/gtest.h>

#include "base/ids.h"

namespace entrepot::server {
namespace {

class DiskReserveTest : public testing::Test {
 protected:
  void SetUp() override { std::filesystem::create_directory(directory_); }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::filesystem::path File() const { return directory_ / "reserve"; }
  const std::filesystem::path directory_ = std::filesystem::temp_directory_path() / ("reserve-" + NewUuid());
};

TEST_F(DiskReserveTest, IsReallyAllocatedAndGoesWhenNoneIsWanted) {
  {
    DiskReserve reserve(File(), 1 << 20);
    EXPECT_FALSE(reserve.given_up());
    EXPECT_EQ(std::filesystem::file_size(File()), 1u << 20);
    reserve.Tend();
    EXPECT_FALSE(reserve.given_up());
  }
  DiskReserve none(File(), 0);
  EXPECT_FALSE(std::filesystem::exists(File()));
  EXPECT_FALSE(none.given_up());
}

}  // namespace
}  // namespace entrepot::server
