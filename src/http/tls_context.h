#pragma once

// What the connections of this folder see of a TlsContext.

#include <memory>
#include <mutex>

#include <openssl/types.h>

#include "http/tls.h"

namespace entrepot::http {

class OpenSslContext final : public TlsContext {
 public:
  OpenSslContext(std::string certificate_file, std::string key_file);
  Result<bool> ReloadIfChanged() override;

  /// A session that uses the certificate read last, bound to the socket and waiting for the client's hello.
  std::shared_ptr<SSL> NewSession(int socket) const;

 private:
  /// What tells that a file was replaced, rewritten or made readable.
  struct Stamp {
    long long inode = 0, size = 0, seconds = 0, nanoseconds = 0;
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  static Stamp StampOf(const std::string& file);
  Result<std::shared_ptr<SSL_CTX>> Read() const;

  const std::string certificate_file_, key_file_;
  mutable std::mutex mutex_;
  std::shared_ptr<SSL_CTX> context_;
  Stamp certificate_stamp_, key_stamp_;
};

/// Whether this kernel can encrypt TLS records itself.
bool KernelTlsAvailable();

}  // namespace entrepot::http
