#include "cli/readiness.h"

#include <memory>

#include <curl/curl.h>
#include <fmt/format.h>

#include "base/check.h"

namespace entrepot::cli {
namespace {

struct CurlFreer {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};

std::size_t Discard(char*, std::size_t size, std::size_t count, void*) { return size * count; }

}  // namespace

Readiness AskReadiness(const server::ClientSettings& settings) {
  const std::unique_ptr<CURL, CurlFreer> handle(curl_easy_init());
  CHECK(handle != nullptr);
  const std::string url = settings.endpoint_url + "/readyz";
  char reason[CURL_ERROR_SIZE] = "";
  curl_easy_setopt(handle.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(handle.get(), CURLOPT_TIMEOUT, 5L);
  curl_easy_setopt(handle.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle.get(), CURLOPT_NOPROXY, "*");
  curl_easy_setopt(handle.get(), CURLOPT_ERRORBUFFER, reason);
  curl_easy_setopt(handle.get(), CURLOPT_WRITEFUNCTION, Discard);
  if (!settings.ca_bundle.empty()) curl_easy_setopt(handle.get(), CURLOPT_CAINFO, settings.ca_bundle.c_str());
  const CURLcode code = curl_easy_perform(handle.get());
  if (code != CURLE_OK)
    return {false, fmt::format("{}: {}", url, *reason != '\0' ? reason : curl_easy_strerror(code))};
  long status = 0;
  curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &status);
  return {status == 200, fmt::format("{} answered {}", url, status)};
}

}  // namespace entrepot::cli
