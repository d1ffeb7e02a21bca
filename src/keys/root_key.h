#pragma once

// The key at the top: 32 random bytes in a file of the data directory, from which one key a purpose is
// derived. What is wrapped names the id of the root key that wraps it, so that it can be replaced
// (design-storage 2.11).
//
// Immutable once loaded; safe from any thread. Errors: kConfiguration where a person must mend something,
// with what.

#include <string>
#include <string_view>

#include "base/crypto.h"
#include "base/result.h"
#include "blobs/file_layer.h"

namespace entrepot::keys {

/// Whether a root key may be made now: only while nothing is wrapped under one.
enum class RootKeyPolicy { kMayCreate, kMustExist };

class RootKey {
 public:
  /// The purposes. Each derives a key of its own; the labels are part of the stored format.
  enum class Purpose { kServiceKeys, kAccessKeySecrets, kTokenKeys };

  /// Reads `directory`/root-key, which must be a plain file of mode 0600. Under kMayCreate makes the
  /// directory and the key when they are absent (or a crash left the file unfinished): file and directories
  /// are synced, and the key is read back, before this returns. kMustExist is for a store that holds rows
  /// wrapped under a root key.
  static Result<RootKey> Load(blobs::Files& files, const std::string& directory, RootKeyPolicy policy);

  /// A short hash of the key: what rows carry.
  const std::string& id() const { return id_; }
  SecretKey Derive(Purpose purpose) const;

 private:
  explicit RootKey(SecretKey key);
  SecretKey key_;
  std::string id_;
};

}  // namespace entrepot::keys
