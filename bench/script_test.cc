#include "bench/script.h"

#include <fstream>

#include <gtest/gtest.h>

namespace entrepot::bench {
namespace {

Result<std::vector<ScriptedRequest>> Read(std::string_view content) {
  const std::string file = testing::TempDir() + "script_test";
  std::ofstream(file, std::ios::binary) << content;
  return ReadScript(file);
}

TEST(Script, HasEveryRequestAsItWasWritten) {
  const auto script = Read("0.000000 5\na\n\r\nb0.250000 3\nxyz");
  ASSERT_TRUE(script);
  ASSERT_EQ(script->size(), 2u);
  EXPECT_EQ((*script)[0].text, "a\n\r\nb");
  EXPECT_EQ((*script)[0].due, 0);
  EXPECT_EQ((*script)[1].text, "xyz");
  EXPECT_EQ((*script)[1].due, 0.25);
}

TEST(Script, IsRefusedWhenItIsNone) {
  for (const std::string_view content : {"", "GET / HTTP/1.1\r\n\r\n", "0 5\nabc", "0 3\nabcGET", "0 3 abc"})
    EXPECT_FALSE(Read(content)) << content;
}

}  // namespace
}  // namespace entrepot::bench
