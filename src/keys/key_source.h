#pragma once

// What stands above repository keys and wraps them: the service key of a registry (AES256 repositories), and
// later KMS keys. A source decides by its own state whether it may be used, at every call.
//
// Safe from any thread; the session says where: inside a write transaction for NewRepositoryKey, in any for
// Unwrap. Errors: kKeyFailure for what concerns keys; the session's own errors pass through.

#include <cstdint>

#include "base/crypto.h"
#include "base/result.h"
#include "keys/repository_key.h"
#include "metadata/sql/session.h"
#include "metadata/store.h"

namespace entrepot::keys {

/// A repository key as its row keeps it.
struct WrappedKey {
  std::int64_t source_key = 0;  // repository_keys.service_key
  ByteVector wrapped;
};

class KeySource {
 public:
  virtual ~KeySource() = default;
  /// Wraps a new key with registry, repository, key id and the repository's ARN as encryption context.
  virtual Result<WrappedKey> Wrap(metadata::WriteTransaction& transaction, const RepositoryRef& repository,
                                  std::int64_t key_id, const SecretKey& key) = 0;
  virtual Result<SecretKey> Unwrap(metadata::sql::Session& session, const RepositoryRef& repository,
                                   std::int64_t key_id, const WrappedKey& wrapped) = 0;
};

}  // namespace entrepot::keys
