#include "access/registry_host.h"

#include <gtest/gtest.h>

namespace entrepot::access {
namespace {

TEST(RegistryHost, PlainHosts) {
  for (const char* host :
       {"localhost", "localhost:5000", "127.0.0.1:5000", "[::1]", "[::1]:5000", "registry.example.com",
        "public.ecr.aws", "a-b.c9:65535", "123456789012", "123456789012.example.com",
        "123456789012.dkr.ecr.us-west-2.example.org", "12345678901.dkr.ecr.us-west-2.amazonaws.com"}) {
    const auto parsed = ParseRegistryHost(host, "registry.test");
    ASSERT_TRUE(parsed) << host;
    EXPECT_EQ(parsed->text, host);
    EXPECT_FALSE(parsed->registry) << host;
  }
}

TEST(RegistryHost, RegistriesByName) {
  for (const char* host :
       {"123456789012.dkr.ecr.us-west-2.registry.test", "123456789012.dkr.ecr.us-west-2.registry.test:5000",
        "123456789012.dkr.ecr-fips.us-west-2.amazonaws.com", "123456789012.dkr-ecr.us-west-2.on.aws",
        "123456789012.dkr-ecr-fips.us-west-2.on.aws", "123456789012.dkr.ecr.us-west-2.amazonaws.com.cn"}) {
    const auto parsed = ParseRegistryHost(host, "registry.test");
    ASSERT_TRUE(parsed) << host;
    EXPECT_EQ(parsed->registry,
              (RegistryName{AccountId::Trusted("123456789012"), Region::Trusted("us-west-2")}))
        << host;
  }
}

TEST(RegistryHost, AnythingElseIsRefused) {
  for (const char* host : {"",
                           " ",
                           "LOCALHOST",
                           "localhost:",
                           "localhost:0",
                           "localhost:65536",
                           "localhost:080",
                           "localhost:5000:1",
                           "localhost:5x",
                           "user@localhost",
                           "localhost/",
                           "local host",
                           "a..b",
                           ".a",
                           "a.",
                           "-a",
                           "a-",
                           "a_b",
                           "::1",
                           "[::1",
                           "[::1]5000",
                           "[::g]",
                           "[::FF]",
                           "[127.0.0.1]",
                           "http://localhost",
                           "localhost,evil",
                           "localhost\t",
                           "caf\xc3\xa9",
                           "a%2eb",
                           "123456789012.dkr.ecr.mars.registry.test",
                           "123456789012.dkr.ecr.US-WEST-2.registry.test"})
    EXPECT_EQ(ParseRegistryHost(host, "registry.test").error().code(), ErrorCode::kMalformedRequest) << host;
  EXPECT_FALSE(ParseRegistryHost(std::string(64, 'a'), ""));
  EXPECT_FALSE(ParseRegistryHost(std::string("local\0host", 10), ""));
  EXPECT_FALSE(ParseRegistryHost(std::string("[::1\0]", 6), ""));
}

}  // namespace
}  // namespace entrepot::access
