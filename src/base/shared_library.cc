#include "base/shared_library.h"

#include <dlfcn.h>

#include "base/check.h"

namespace entrepot {

Result<SharedLibrary> SharedLibrary::Load(const char* file) {
  void* const handle = ::dlopen(file, RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) return Fail(ErrorCode::kUnavailable, ::dlerror());
  return SharedLibrary(handle);
}

SharedLibrary::Symbol SharedLibrary::operator[](const char* name) const {
  void* const address = ::dlsym(handle_, name);
  CHECK(address != nullptr);
  return Symbol(address);
}

}  // namespace entrepot
