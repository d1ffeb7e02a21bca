#pragma once

// TLS for the server: OpenSSL bound to the socket, so that kernel TLS can be used where the kernel has it.

#include <memory>
#include <string>

#include "base/result.h"

namespace entrepot::http {

/// A server certificate and its key, which may be replaced while connections run. Safe from any thread.
class TlsContext {
 public:
  /// Reads a PEM chain and key; kConfiguration says which file is wrong and how.
  static Result<std::shared_ptr<TlsContext>> Load(std::string certificate_file, std::string key_file);
  virtual ~TlsContext() = default;

  /// Reads the files again when they have changed since; new connections use what was read. On an error the
  /// old certificate stays in use.
  virtual Result<bool> ReloadIfChanged() = 0;
};

}  // namespace entrepot::http
