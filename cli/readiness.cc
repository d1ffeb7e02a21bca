#include "cli/readiness.h"

#include <memory>

#include <fmt/format.h>

#include "base/check.h"
#include "http/libcurl.h"

namespace entrepot::cli {
namespace {

struct CurlFreer {
  const http::Libcurl& library;
  void operator()(CURL* handle) const { library.curl_easy_cleanup(handle); }
};

std::size_t Discard(char*, std::size_t size, std::size_t count, void*) { return size * count; }

}  // namespace

Readiness AskReadiness(const server::ClientSettings& settings) {
  const auto loaded = http::Libcurl::Load();
  if (!loaded) return {false, std::string(loaded.error().fact("detail"))};
  const http::Libcurl& library = **loaded;
  const std::unique_ptr<CURL, CurlFreer> handle(library.curl_easy_init(), {library});
  CHECK(handle != nullptr);
  const std::string url = settings.endpoint_url + "/readyz";
  char reason[CURL_ERROR_SIZE] = "";
  library.curl_easy_setopt(handle.get(), CURLOPT_URL, url.c_str());
  library.curl_easy_setopt(handle.get(), CURLOPT_TIMEOUT, 5L);
  library.curl_easy_setopt(handle.get(), CURLOPT_NOSIGNAL, 1L);
  library.curl_easy_setopt(handle.get(), CURLOPT_NOPROXY, "*");
  library.curl_easy_setopt(handle.get(), CURLOPT_ERRORBUFFER, reason);
  library.curl_easy_setopt(handle.get(), CURLOPT_WRITEFUNCTION, Discard);
  if (!settings.ca_bundle.empty())
    library.curl_easy_setopt(handle.get(), CURLOPT_CAINFO, settings.ca_bundle.c_str());
  const CURLcode code = library.curl_easy_perform(handle.get());
  if (code != CURLE_OK)
    return {false, fmt::format("{}: {}", url, *reason != '\0' ? reason : library.curl_easy_strerror(code))};
  long status = 0;
  library.curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &status);
  return {status == 200, fmt::format("{} answered {}", url, status)};
}

}  // namespace entrepot::cli
