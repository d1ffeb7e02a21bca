#include "http/outbound_address.h"

#include <gtest/gtest.h>

namespace entrepot::http {
namespace {

struct Case {
  const char* address;
  bool configured, public_only;
};

class MayReachTest : public testing::TestWithParam<Case> {};

TEST_P(MayReachTest, IsDecidedByTheAddress) {
  const IpAddress address = IpAddress::Parse(GetParam().address).value();
  EXPECT_EQ(MayReach(Reach::kConfigured, address), GetParam().configured);
  EXPECT_EQ(MayReach(Reach::kPublic, address), GetParam().public_only);
}

INSTANTIATE_TEST_SUITE_P(
    Addresses, MayReachTest,
    testing::Values(
        Case{"198.17.0.1", true, true}, Case{"2600:1f18::1", true, true}, Case{"9.255.255.255", true, true},
        Case{"172.32.0.1", true, true}, Case{"100.128.0.1", true, true},
        // The operator's own networks, which nobody else may lead us to.
        Case{"127.0.0.1", true, false}, Case{"10.1.2.3", true, false}, Case{"172.31.255.255", true, false},
        Case{"192.168.0.1", true, false}, Case{"100.64.0.1", true, false}, Case{"::1", true, false},
        Case{"fd00::1", true, false}, Case{"::ffff:10.0.0.1", true, false},
        Case{"64:ff9b::10.0.0.1", true, false}, Case{"2002:a00:1::1", true, false},
        Case{"64:ff9b:1::1", true, false}, Case{"198.18.0.1", true, false},
        // Where clouds keep secrets, and what is no host.
        Case{"169.254.169.254", false, false}, Case{"::ffff:169.254.169.254", false, false},
        Case{"64:ff9b::169.254.169.254", false, false}, Case{"2002:a9fe:a9fe::", false, false},
        Case{"fe80::1", false, false}, Case{"0.0.0.0", false, false}, Case{"0.1.2.3", false, false},
        Case{"::", false, false}, Case{"224.0.0.1", false, false}, Case{"255.255.255.255", false, false},
        Case{"ff02::1", false, false}, Case{"64:ff9b::808:808", true, true}));

}  // namespace
}  // namespace entrepot::http
