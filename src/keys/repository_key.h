#pragma once

// A repository's key in use: it wraps the data keys of the repository's links and uploads and seals the
// repository's small secrets (design-storage 2.1, 2.4, 2.9). Each wrap is made under a key of its own,
// derived with a random salt, so that no count of wraps wears the repository key out (2.6's bound of 2^31
// concerns random nonces under one key).
//
// Immutable, safe from any thread; keep it for one request, not longer. Every failure is kKeyFailure, never
// kDamaged.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/crypto.h"
#include "base/digest.h"
#include "base/result.h"
#include "keys/key_state.h"

namespace entrepot::keys {

/// A repository as keys know it. The ARN is the encryption context.
struct RepositoryRef {
  std::int64_t registry = 0;
  std::int64_t repository = 0;
  std::string arn;
};

/// A file's data key; none = the file is of blobs::Suite::kPlain, and its wrap is empty.
using DataKey = std::optional<SecretKey>;

/// What the wrap of a stored blob's data key is bound to (2.4), besides the repository.
struct BlobWrapContext {
  std::int64_t domain = 0;
  Bytes file_id;
  const Digest& digest;
  std::uint64_t size = 0;
  Bytes layout;  // blobs.layout
};

/// The same for an upload that has not ended.
struct UploadWrapContext {
  std::int64_t domain = 0;
  Bytes file_id;
  std::string_view upload;  // the session's id
};

class RepositoryKey {
 public:
  RepositoryKey(std::int64_t registry, std::int64_t repository, std::int64_t id,
                std::shared_ptr<const SecretKey> key, KeyStateStamp stamp);

  /// For blob_links.repository_key and uploads.repository_key.
  std::int64_t id() const { return id_; }
  /// False once any key's state has changed since this key was obtained: streams stop (2.7). Cheap; from any
  /// thread.
  bool still_valid() const { return stamp_.current(); }

  ByteVector Wrap(const DataKey& data_key, const BlobWrapContext& context) const;
  ByteVector Wrap(const DataKey& data_key, const UploadWrapContext& context) const;
  Result<DataKey> Unwrap(Bytes wrapped, const BlobWrapContext& context) const;
  Result<DataKey> Unwrap(Bytes wrapped, const UploadWrapContext& context) const;

  /// Other data of the repository. `purpose` is a literal such as "upload state"; `subject` says which one it
  /// is (an upload's id and epoch, a digest), so that none can be put in another's place.
  ByteVector Seal(std::string_view purpose, Bytes subject, Bytes plain) const;
  Result<ByteVector> Open(std::string_view purpose, Bytes subject, Bytes sealed) const;

 private:
  ByteVector WrapFor(const DataKey& data_key, Bytes context) const;
  Result<DataKey> UnwrapFor(Bytes wrapped, Bytes context) const;
  ByteVector Bind(Bytes label, Bytes context) const;

  std::int64_t registry_, repository_, id_;
  std::shared_ptr<const SecretKey> key_;  // in locked memory
  KeyStateStamp stamp_;
};

}  // namespace entrepot::keys
