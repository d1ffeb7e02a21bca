#pragma once

// What a URL of GetDownloadUrlForLayer grants: reading one layer, for a short while, without other
// credentials (design-access 9). The API seals it, the data plane opens it and checks link, key and access
// key again.

#include <optional>
#include <string>
#include <string_view>

#include "access/access.h"
#include "base/digest.h"
#include "registry/repository.h"

namespace entrepot::registry {

/// The path of download URLs; the sealed ticket follows.
inline constexpr std::string_view kDownloadPath = "/download/";
inline constexpr std::chrono::hours kDownloadLifetime{1};

struct DownloadTicket {
  std::string host;  // the Host that the URL names and a request must use
  RegistryName registry;
  RepositoryName repository;
  RepositoryId repository_id{};  // a repository made anew under the same name is another one
  Digest digest;
  std::string principal;      // unique id
  std::string access_key_id;  // must still be active
  Timestamp expires_at;
};

std::string SealTicket(access::Access& access, const DownloadTicket& ticket);
/// Nothing unless this installation sealed it.
std::optional<DownloadTicket> OpenTicket(access::Access& access, std::string_view sealed);

}  // namespace entrepot::registry
