#pragma once

// The functions of libcurl that the client calls. The library is loaded with the first client: most
// registries send nothing, and it brings a dozen others along.

#include <curl/curl.h>
#undef curl_easy_getinfo  // macros that only check types
#undef curl_easy_setopt

#include "base/shared_library.h"

namespace entrepot::http {

struct Libcurl {
  /// Loaded and ready for every thread. kUnavailable when this machine has none.
  static Result<const Libcurl*> Load();

  decltype(&::curl_easy_cleanup) curl_easy_cleanup;
  decltype(&::curl_easy_getinfo) curl_easy_getinfo;
  decltype(&::curl_easy_init) curl_easy_init;
  decltype(&::curl_easy_perform) curl_easy_perform;
  decltype(&::curl_easy_reset) curl_easy_reset;
  decltype(&::curl_easy_setopt) curl_easy_setopt;
  decltype(&::curl_easy_strerror) curl_easy_strerror;
  decltype(&::curl_global_init) curl_global_init;
  decltype(&::curl_slist_append) curl_slist_append;
  decltype(&::curl_slist_free_all) curl_slist_free_all;

 private:
  explicit Libcurl(const SharedLibrary& library);
};

}  // namespace entrepot::http
