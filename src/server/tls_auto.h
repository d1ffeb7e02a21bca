#pragma once

// `tls = "auto"`: a certificate authority of the registry's own, and a server certificate under it, in the
// data directory. Clients trust ca.crt once; the server certificate is made anew before it expires and when
// its names change.

#include <filesystem>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "server/config.h"

namespace entrepot::server {

/// The names and addresses that a server of this configuration is reached by: the loopback ones, what it
/// listens on (on a wildcard: the machine's host name and addresses), tls_names and, with a domain, ECR's
/// forms under it.
std::vector<std::string> CertificateNames(const Config& config);

struct TlsFiles {
  std::filesystem::path certificate, key, authority;
};

/// Makes what is missing in `directory` (0700; keys 0600): the authority (ten years) and a certificate for
/// `names` (ninety days, made anew once thirty are left). Called at start and once a day. kConfiguration when
/// a file is not what it should be, or the authority has expired.
Result<TlsFiles> EnsureCertificate(const std::filesystem::path& directory,
                                   const std::vector<std::string>& names, const Clock& clock);

}  // namespace entrepot::server
