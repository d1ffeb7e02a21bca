#pragma once

// A failure as the domain sees it: a code and the facts, never prose and never a status. Wording and HTTP
// status are rows of the door that answers (aws/errors.cc for the AWS protocols, oci/errors.cc for /v2/); a
// test holds that every code has a row in both.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace entrepot {

enum class ErrorCode : std::uint8_t {
  // The request cannot be read.
  kMalformedRequest,  // facts: detail
  kRequestTooLarge,   // facts: limit
  kRequestTimeout,
  kUnknownOperation,  // facts: operation, version
  kInvalidParameter,  // facts: parameter, constraint
  kValidation,        // facts: detail
  kInvalidPageToken,

  // Who is calling (authentication).
  kMissingAuthentication,
  kIncompleteSignature,  // facts: detail
  kUnknownAccessKey,
  kSignatureMismatch,
  kCredentialScope,         // facts: detail (the sentences of every scope error, concatenated)
  kSignatureExpired,        // facts: detail
  kSignatureNotYetCurrent,  // facts: detail
  kSessionTokenExpired,
  kRegistryTokenInvalid,
  kRegistryTokenExpired,

  // May they (authorization).
  kAccessDenied,  // facts: principal, action, resource, reason

  // Repositories.
  kRepositoryNotFound,        // facts: repository, account
  kRepositoryAlreadyExists,   // facts: repository, account
  kRepositoryNotEmpty,        // facts: repository, account
  kRepositoryPolicyNotFound,  // facts: repository, account
  kInvalidTagParameter,       // facts: detail
  kTooManyTags,               // facts: repository, account
  kLimitExceeded,             // facts: detail

  // Registries.
  kRegistryPolicyNotFound,  // facts: account
  kTemplateNotFound,        // facts: prefix, account
  kTemplateAlreadyExists,   // facts: prefix, account
  kExclusionNotFound,       // facts: principal, account
  kExclusionAlreadyExists,  // facts: principal, account

  // Images.
  kImageNotFound,           // facts: digest, tag ("null" when absent), repository, account
  kImageAlreadyExists,      // facts: digest, tag, repository, account
  kImageTagImmutable,       // facts: tag, repository
  kImageDigestMismatch,     // facts: digest, expected
  kImageReferencedByIndex,  // facts: digests ("[a, b]")
  kImageTagDigestMismatch,
  kPreconditionFailed,        // the image that is there, or is not; facts: repository, account
  kImageArchived,             // archived or being activated; facts: digest, repository, account
  kStorageClassNotSupported,  // facts: digest, detail, repository, account
  kManifestInvalid,           // facts: detail
  kManifestUnsupported,       // facts: media_type
  kManifestTooLarge,          // facts: limit
  kLayersNotFound,            // facts: digests ("[a, b]"), repository, account
  kReferencedImagesNotFound,  // facts: digests ("[a, b]"), repository, account

  // Layers (blobs) and their uploads.
  kDigestInvalid,        // facts: digest
  kLayerNotFound,        // facts: digest, repository, account
  kLayerAlreadyExists,   // facts: digest, repository, account
  kLayerInaccessible,    // facts: digest, repository, account
  kLayerArchived,        // only archived images have it; facts: digest, repository, account
  kLayerReferenced,      // facts: digest
  kLayerDigestMismatch,  // facts: digest, expected, upload, repository, account
  kUploadNotFound,       // facts: upload, repository, account
  kUploadOffset,         // facts: upload, offset (bytes received so far), repository, account, registry
  kUploadRangeInvalid,   // facts: detail
  kEmptyUpload,          // facts: upload, repository, account
  kLayerPartTooSmall,
  kRangeNotSatisfiable,  // facts: size

  // Keys. A key error is never taken for damage.
  kKeyFailure,  // facts: kms_error, detail

  // The environment. `detail` goes to the log, not to the client.
  kUnavailable,    // busy, draining, or a fault that a retry may outlive; facts: detail
  kStorageFull,    // facts: detail
  kStorageFault,   // facts: detail
  kDamaged,        // stored bytes failed their check; facts: detail
  kConfiguration,  // what a person must mend, with what to do; facts: detail
  kInternal,       // facts: detail
};
inline constexpr int kErrorCodeCount = static_cast<int>(ErrorCode::kInternal) + 1;

/// The name of a code as this file spells it, without the k: for logs and metrics.
std::string_view ToString(ErrorCode code);

class [[nodiscard]] Error {
 public:
  struct Fact {
    std::string_view name;  // a literal
    std::string value;
  };

  explicit Error(ErrorCode code) : code_(code) {}
  Error(ErrorCode code, std::string detail) : code_(code) { facts_.push_back({"detail", std::move(detail)}); }

  ErrorCode code() const { return code_; }
  const std::vector<Fact>& facts() const { return facts_; }

  /// Adds a fact; `name` must be a literal. An earlier fact of that name stays the one that is found.
  Error&& With(std::string_view name, std::string value) && {
    facts_.push_back({name, std::move(value)});
    return std::move(*this);
  }

  /// The value of a fact, or "" where it is absent.
  std::string_view fact(std::string_view name) const;

  /// Fills the {placeholders} of a row's wording with the facts; an unknown one is left empty. {{ and }} are
  /// braces.
  std::string Fill(std::string_view wording) const;

  /// For logs: the code's name and every fact.
  std::string ToString() const;

 private:
  ErrorCode code_;
  std::vector<Fact> facts_;
};

}  // namespace entrepot
