#include "http/libcurl.h"

#include "base/check.h"

namespace entrepot::http {

Libcurl::Libcurl(const SharedLibrary& library)
    : curl_easy_cleanup(library["curl_easy_cleanup"]),
      curl_easy_getinfo(library["curl_easy_getinfo"]),
      curl_easy_init(library["curl_easy_init"]),
      curl_easy_perform(library["curl_easy_perform"]),
      curl_easy_reset(library["curl_easy_reset"]),
      curl_easy_setopt(library["curl_easy_setopt"]),
      curl_easy_strerror(library["curl_easy_strerror"]),
      curl_global_init(library["curl_global_init"]),
      curl_slist_append(library["curl_slist_append"]),
      curl_slist_free_all(library["curl_slist_free_all"]) {
  CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
}

Result<const Libcurl*> Libcurl::Load() {
  static const Result<Libcurl> loaded = [] -> Result<Libcurl> {
    return Libcurl(TRY(SharedLibrary::Load("libcurl.so.4")));
  }();
  if (!loaded) return Fail(loaded.error());
  return &*loaded;
}

}  // namespace entrepot::http
