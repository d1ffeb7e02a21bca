#include "base/core_files.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/check.h"

namespace entrepot {

void ForbidCoreFiles() {
  // The limit is for files; a program that the system hands core dumps to heeds only the other.
  const rlimit none{0, 0};
  CHECK(::setrlimit(RLIMIT_CORE, &none) == 0);
  CHECK(::prctl(PR_SET_DUMPABLE, 0) == 0);
}

}  // namespace entrepot
