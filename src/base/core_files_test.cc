#include "base/core_files.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

namespace entrepot {
namespace {

bool NoneIsLeft() {
  rlimit size{};
  return ::prctl(PR_GET_DUMPABLE) == 0 && ::getrlimit(RLIMIT_CORE, &size) == 0 && size.rlim_cur == 0 &&
         size.rlim_max == 0;
}

TEST(CoreFiles, AreNotLeft) {
  const pid_t child = ::fork();  // what is forbidden stays so
  if (child == 0) {
    const bool before = NoneIsLeft();
    ForbidCoreFiles();
    ::_exit(!before && NoneIsLeft() ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace entrepot
