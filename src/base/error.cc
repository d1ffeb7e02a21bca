#include "base/error.h"

#include <algorithm>

#include "base/check.h"

namespace entrepot {

std::string_view ToString(ErrorCode code) {
  switch (code) {
    case ErrorCode::kMalformedRequest:
      return "MalformedRequest";
    case ErrorCode::kRequestTooLarge:
      return "RequestTooLarge";
    case ErrorCode::kRequestTimeout:
      return "RequestTimeout";
    case ErrorCode::kUnknownOperation:
      return "UnknownOperation";
    case ErrorCode::kInvalidParameter:
      return "InvalidParameter";
    case ErrorCode::kValidation:
      return "Validation";
    case ErrorCode::kInvalidPageToken:
      return "InvalidPageToken";
    case ErrorCode::kMissingAuthentication:
      return "MissingAuthentication";
    case ErrorCode::kIncompleteSignature:
      return "IncompleteSignature";
    case ErrorCode::kUnknownAccessKey:
      return "UnknownAccessKey";
    case ErrorCode::kSignatureMismatch:
      return "SignatureMismatch";
    case ErrorCode::kCredentialScope:
      return "CredentialScope";
    case ErrorCode::kSignatureExpired:
      return "SignatureExpired";
    case ErrorCode::kSignatureNotYetCurrent:
      return "SignatureNotYetCurrent";
    case ErrorCode::kSessionTokenExpired:
      return "SessionTokenExpired";
    case ErrorCode::kRegistryTokenInvalid:
      return "RegistryTokenInvalid";
    case ErrorCode::kRegistryTokenExpired:
      return "RegistryTokenExpired";
    case ErrorCode::kAccessDenied:
      return "AccessDenied";
    case ErrorCode::kRepositoryNotFound:
      return "RepositoryNotFound";
    case ErrorCode::kRepositoryAlreadyExists:
      return "RepositoryAlreadyExists";
    case ErrorCode::kRepositoryNotEmpty:
      return "RepositoryNotEmpty";
    case ErrorCode::kRepositoryPolicyNotFound:
      return "RepositoryPolicyNotFound";
    case ErrorCode::kInvalidTagParameter:
      return "InvalidTagParameter";
    case ErrorCode::kTooManyTags:
      return "TooManyTags";
    case ErrorCode::kLimitExceeded:
      return "LimitExceeded";
    case ErrorCode::kRegistryPolicyNotFound:
      return "RegistryPolicyNotFound";
    case ErrorCode::kTemplateNotFound:
      return "TemplateNotFound";
    case ErrorCode::kTemplateAlreadyExists:
      return "TemplateAlreadyExists";
    case ErrorCode::kExclusionNotFound:
      return "ExclusionNotFound";
    case ErrorCode::kExclusionAlreadyExists:
      return "ExclusionAlreadyExists";
    case ErrorCode::kImageNotFound:
      return "ImageNotFound";
    case ErrorCode::kImageAlreadyExists:
      return "ImageAlreadyExists";
    case ErrorCode::kImageTagImmutable:
      return "ImageTagImmutable";
    case ErrorCode::kImageDigestMismatch:
      return "ImageDigestMismatch";
    case ErrorCode::kImageReferencedByIndex:
      return "ImageReferencedByIndex";
    case ErrorCode::kImageTagDigestMismatch:
      return "ImageTagDigestMismatch";
    case ErrorCode::kPreconditionFailed:
      return "PreconditionFailed";
    case ErrorCode::kImageArchived:
      return "ImageArchived";
    case ErrorCode::kStorageClassNotSupported:
      return "StorageClassNotSupported";
    case ErrorCode::kManifestInvalid:
      return "ManifestInvalid";
    case ErrorCode::kManifestUnsupported:
      return "ManifestUnsupported";
    case ErrorCode::kManifestTooLarge:
      return "ManifestTooLarge";
    case ErrorCode::kLayersNotFound:
      return "LayersNotFound";
    case ErrorCode::kReferencedImagesNotFound:
      return "ReferencedImagesNotFound";
    case ErrorCode::kDigestInvalid:
      return "DigestInvalid";
    case ErrorCode::kLayerNotFound:
      return "LayerNotFound";
    case ErrorCode::kLayerAlreadyExists:
      return "LayerAlreadyExists";
    case ErrorCode::kLayerInaccessible:
      return "LayerInaccessible";
    case ErrorCode::kLayerArchived:
      return "LayerArchived";
    case ErrorCode::kLayerReferenced:
      return "LayerReferenced";
    case ErrorCode::kLayerDigestMismatch:
      return "LayerDigestMismatch";
    case ErrorCode::kUploadNotFound:
      return "UploadNotFound";
    case ErrorCode::kUploadOffset:
      return "UploadOffset";
    case ErrorCode::kUploadRangeInvalid:
      return "UploadRangeInvalid";
    case ErrorCode::kEmptyUpload:
      return "EmptyUpload";
    case ErrorCode::kLayerPartTooSmall:
      return "LayerPartTooSmall";
    case ErrorCode::kRangeNotSatisfiable:
      return "RangeNotSatisfiable";
    case ErrorCode::kKeyFailure:
      return "KeyFailure";
    case ErrorCode::kUnavailable:
      return "Unavailable";
    case ErrorCode::kStorageFull:
      return "StorageFull";
    case ErrorCode::kStorageFault:
      return "StorageFault";
    case ErrorCode::kDamaged:
      return "Damaged";
    case ErrorCode::kConfiguration:
      return "Configuration";
    case ErrorCode::kInternal:
      return "Internal";
  }
  CHECK(!"a value outside ErrorCode");
}

std::string_view Error::fact(std::string_view name) const {
  for (const Fact& fact : facts_)
    if (fact.name == name) return fact.value;
  return {};
}

std::string Error::Fill(std::string_view wording) const {
  std::string text;
  while (!wording.empty()) {
    const std::size_t brace = std::min(wording.find_first_of("{}"), wording.size());
    text += wording.substr(0, brace);
    wording.remove_prefix(brace);
    const std::size_t close = wording.find('}');
    if (wording.starts_with("{{") || wording.starts_with("}}")) {
      text += wording.front();
      wording.remove_prefix(2);
    } else if (wording.starts_with('{') && close != wording.npos) {
      text += fact(wording.substr(1, close - 1));
      wording.remove_prefix(close + 1);
    } else if (!wording.empty()) {
      text += wording.front();
      wording.remove_prefix(1);
    }
  }
  return text;
}

std::string Error::ToString() const {
  std::string text(entrepot::ToString(code_));
  for (const Fact& fact : facts_) text.append(" ").append(fact.name).append("=").append(fact.value);
  return text;
}

}  // namespace entrepot
