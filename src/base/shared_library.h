#pragma once

// A library that is loaded when it is first needed: one that few installations use, with all that it needs
// itself, would be memory and start time of every one.

#include "base/result.h"

namespace entrepot {

class SharedLibrary {
 public:
  /// `file` is a name for the dynamic linker, such as libpq.so.5. It stays loaded. kUnavailable says what is
  /// missing.
  static Result<SharedLibrary> Load(const char* file);

  /// A function of the library; becomes a pointer of the type it is assigned to.
  class Symbol {
   public:
    explicit Symbol(void* address) : address_(address) {}
    template <class Function>
    operator Function*() const {
      return reinterpret_cast<Function*>(address_);
    }

   private:
    void* const address_;
  };
  /// Aborts when the library has no such function: its version is part of its name.
  Symbol operator[](const char* name) const;

 private:
  explicit SharedLibrary(void* handle) : handle_(handle) {}
  void* handle_;
};

}  // namespace entrepot
