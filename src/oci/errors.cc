#include "oci/errors.h"

#include <algorithm>
#include <string>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "base/check.h"

namespace entrepot::oci {
namespace {

using enum ErrorCode;

constexpr std::string_view kBusyText = "The registry cannot answer at the moment. Try again.";
constexpr std::string_view kFaultText =
    "The registry could not complete the request because of an internal failure.";

// The order is that of base/error.h. Texts of ecr-semantics 2.2 and 3.4 where ECR has one.
constexpr ErrorRow kRows[] = {
    {kMalformedRequest, "UNSUPPORTED", 400, "The request cannot be read: {detail}"},
    {kRequestTooLarge, "SIZE_INVALID", 413,
     "The body is larger than the {limit} bytes that this request may have"},
    {kRequestTimeout, "UNSUPPORTED", 408, "The request took too long to arrive"},
    {kUnknownOperation, "UNSUPPORTED", 404, "There is nothing at '{operation}'"},
    {kInvalidParameter, "UNSUPPORTED", 400,
     "Invalid parameter at '{parameter}' failed to satisfy constraint: '{constraint}'"},
    {kValidation, "UNSUPPORTED", 400, "{detail}"},
    {kInvalidPageToken, "UNSUPPORTED", 400, "The position in the list is not valid"},

    {kMissingAuthentication, "UNAUTHORIZED", 401, "Not Authorized"},
    {kIncompleteSignature, "UNAUTHORIZED", 401, "Not Authorized"},
    {kUnknownAccessKey, "UNAUTHORIZED", 401, "Not Authorized"},
    {kSignatureMismatch, "UNAUTHORIZED", 401, "Not Authorized"},
    {kCredentialScope, "UNAUTHORIZED", 401, "Not Authorized"},
    {kSignatureExpired, "UNAUTHORIZED", 401, "Not Authorized"},
    {kSignatureNotYetCurrent, "UNAUTHORIZED", 401, "Not Authorized"},
    {kSessionTokenExpired, "UNAUTHORIZED", 401, "Not Authorized"},
    {kRegistryTokenInvalid, "UNAUTHORIZED", 401, "Not Authorized"},
    {kRegistryTokenExpired, "DENIED", 403,
     "Your authorization token has expired. Reauthenticate and try again."},

    {kAccessDenied, "DENIED", 403,
     "User: {principal} is not authorized to perform: {action} on resource: {resource} {reason}"},

    {kRepositoryNotFound, "NAME_UNKNOWN", 404,
     "The repository with name '{repository}' does not exist in the registry with id '{account}'"},
    {kRepositoryAlreadyExists, "NAME_INVALID", 400,
     "The repository with name '{repository}' already exists in the registry with id '{account}'"},
    {kRepositoryNotEmpty, "UNSUPPORTED", 405,
     "The repository with name '{repository}' in registry with id '{account}' cannot be deleted because it "
     "still "
     "contains images"},
    {kRepositoryPolicyNotFound, "UNSUPPORTED", 404,
     "Repository policy does not exist for the repository with name '{repository}' in the "
     "registry with id '{account}'"},
    {kInvalidTagParameter, "UNSUPPORTED", 400, "{detail}"},
    {kTooManyTags, "UNSUPPORTED", 400, "The repository with name '{repository}' has too many tags"},
    {kLimitExceeded, "TOOMANYREQUESTS", 429, "{detail}"},

    {kRegistryPolicyNotFound, "UNSUPPORTED", 404,
     "Registry policy does not exist in the registry with id '{account}'"},
    {kTemplateNotFound, "UNSUPPORTED", 404,
     "The repository creation template with prefix '{prefix}' does not exist in the registry "
     "with id '{account}'"},
    {kTemplateAlreadyExists, "UNSUPPORTED", 400,
     "The repository creation template with prefix '{prefix}' already exists in the registry "
     "with id '{account}'"},
    {kExclusionNotFound, "UNSUPPORTED", 404,
     "The pull time update exclusion for the principal '{principal}' does not exist in the "
     "registry with id '{account}'"},
    {kExclusionAlreadyExists, "UNSUPPORTED", 400,
     "The pull time update exclusion for the principal '{principal}' already exists in the "
     "registry with id '{account}'"},

    {kImageNotFound, "MANIFEST_UNKNOWN", 404, "Requested image not found"},
    {kImageAlreadyExists, "TAG_INVALID", 400,
     "Image with digest '{digest}' and tag '{tag}' already exists in the repository with name '{repository}' "
     "in "
     "registry with id '{account}'"},
    {kImageTagImmutable, "TAG_INVALID", 400,
     "The image tag '{tag}' already exists in the '{repository}' repository and cannot be overwritten "
     "because the "
     "tag is immutable."},
    {kImageDigestMismatch, "DIGEST_INVALID", 400,
     "The manifest's digest is '{digest}' and does not match the requested digest '{expected}'"},
    {kImageReferencedByIndex, "UNSUPPORTED", 405, "Requested image referenced by manifest list: {digests}"},
    {kImageTagDigestMismatch, "MANIFEST_UNKNOWN", 404, "Requested image not found"},
    {kPreconditionFailed, "PRECONDITION_FAILED", 412,
     "What is there is not what the condition of the request names"},
    {kImageArchived, "MANIFEST_UNKNOWN", 404, "Requested image not found"},
    {kStorageClassNotSupported, "UNSUPPORTED", 405, "The storage class cannot be updated: {detail}"},
    {kManifestInvalid, "UNSUPPORTED", 405,
     "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'"},
    {kManifestUnsupported, "UNSUPPORTED", 405,
     "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'"},
    {kManifestTooLarge, "SIZE_INVALID", 413, "The manifest is larger than {limit} bytes"},
    // The specification demands this code where ECR says BLOB_UPLOAD_UNKNOWN; the text is ECR's.
    {kLayersNotFound, "MANIFEST_BLOB_UNKNOWN", 404,
     "Layers with digests '{digests}' required for pushing image into repository with name '{repository}' "
     "in the "
     "registry with id '{account}' do not exist"},
    {kReferencedImagesNotFound, "MANIFEST_BLOB_UNKNOWN", 404,
     "Images with digests '{digests}' required for pushing image into repository with name '{repository}' "
     "in the "
     "registry with id '{account}' do not exist"},

    {kDigestInvalid, "DIGEST_INVALID", 400, "The digest '{digest}' is not valid"},
    {kLayerNotFound, "BLOB_UNKNOWN", 404,
     "The layer with digest '{digest}' does not exist in the repository with name '{repository}' in the "
     "registry "
     "with id '{account}'"},
    {kLayerAlreadyExists, "BLOB_UPLOAD_INVALID", 400,
     "The layer with digest '{digest}' already exists in the repository with name '{repository}'"},
    {kLayerInaccessible, "BLOB_UNKNOWN", 404,
     "The layer with digest '{digest}' is not accessible in the repository with name '{repository}'"},
    {kLayerArchived, "BLOB_UNKNOWN", 404,
     "The layer with digest '{digest}' does not exist in the repository with name '{repository}' in the "
     "registry with id '{account}'"},
    {kLayerReferenced, "UNSUPPORTED", 405, "Requested layer referenced by an image: [{digest}]"},
    {kLayerDigestMismatch, "DIGEST_INVALID", 400,
     "The digest of the uploaded layer is '{digest}' and does not match the requested digest '{expected}'"},
    {kUploadNotFound, "BLOB_UPLOAD_UNKNOWN", 404,
     "The upload '{upload}' does not exist in the repository with name '{repository}' in the registry with "
     "id "
     "'{account}'"},
    {kUploadOffset, "BLOB_UPLOAD_INVALID", 416, "The upload goes on at byte {offset}"},
    {kUploadRangeInvalid, "SIZE_INVALID", 400, "The Content-Range is not valid: {detail}"},
    {kEmptyUpload, "BLOB_UPLOAD_INVALID", 400, "The upload '{upload}' has received nothing"},
    {kLayerPartTooSmall, "BLOB_UPLOAD_INVALID", 400,
     "All layer parts except the last part should be at least 5MB"},
    {kRangeNotSatisfiable, "SIZE_INVALID", 416, "The range is beyond the {size} bytes of the layer"},

    {kKeyFailure, "UNAVAILABLE", 503, "The encryption key of the repository cannot be used: {kms_error}"},

    {kUnavailable, "UNAVAILABLE", 503, kBusyText},
    {kStorageFull, "UNAVAILABLE", 507, "The registry has no space left to store this."},
    {kStorageFault, "UNKNOWN", 500, kFaultText},
    {kDamaged, "UNKNOWN", 500, "What is stored here is damaged and cannot be served."},
    {kConfiguration, "UNKNOWN", 500, kFaultText},
    {kInternal, "UNKNOWN", 500, kFaultText},
};

/// Rows of a code that one of its facts decides.
struct SpecialRow {
  std::string_view fact, value;  // any value when empty
  ErrorRow row;
};
constexpr std::string_view kConstraintText =
    "Invalid parameter at '{parameter}' failed to satisfy constraint: '{constraint}'";
constexpr SpecialRow kSpecialRows[] = {
    {"parameter", "repositoryName", {kInvalidParameter, "NAME_INVALID", 400, kConstraintText}},
    {"parameter", "imageTag", {kInvalidParameter, "TAG_INVALID", 400, kConstraintText}},
    {"parameter", "n", {kInvalidParameter, "PAGINATION_NUMBER_INVALID", 400, kConstraintText}},
    // For good, not until later: clients show the text of this and try the other again.
    {"kms_error",
     "KMS.NotFoundException",
     {kKeyFailure, "DENIED", 403, "The encryption key of the repository cannot be used: {detail}"}},
    {"allow",
     "",
     {kUnknownOperation, "UNSUPPORTED", 405, "The method is not one of those served here: {allow}"}},
};

bool Applies(const SpecialRow& special, const Error& error) {
  const std::string_view value = error.fact(special.fact);
  return special.row.code == error.code() && !value.empty() &&
         (special.value.empty() || special.value == value);
}

/// What a program may want to know of a failure that the client can mend.
bool TellsFacts(const ErrorRow& row) { return row.status < 500 && row.status != 401 && row.status != 403; }

std::string JsonBody(const ErrorRow& row, const Error& error) {
  namespace json = boost::json;
  json::object entry{{"code", row.oci_code}, {"message", error.Fill(row.wording)}};
  if (TellsFacts(row) && !error.facts().empty()) {
    json::object detail;
    for (const Error::Fact& fact : error.facts()) detail.emplace(fact.name, fact.value);
    entry.emplace("detail", std::move(detail));
  }
  return json::serialize(json::object{{"errors", json::array{std::move(entry)}}}) + "\n";
}

}  // namespace

const ErrorRow& RowFor(const Error& error) {
  for (const SpecialRow& special : kSpecialRows)
    if (Applies(special, error)) return special.row;
  const auto* row = std::ranges::find(kRows, error.code(), &ErrorRow::code);
  CHECK(row != std::end(kRows));
  return *row;
}

http::Response ErrorResponse(const Error& error) {
  const ErrorRow& row = RowFor(error);
  http::Response response =
      http::TextResponse(row.status, "application/json; charset=utf-8", JsonBody(row, error));
  if (row.status == 503) response.Add("Retry-After", "1");
  if (row.status == 405 && row.code == kUnknownOperation) response.Add("Allow", error.fact("allow"));
  if (row.code == kRangeNotSatisfiable)
    response.Add("Content-Range", "bytes */" + std::string(error.fact("size")));
  return response;
}

http::Response Challenge(std::string_view host, bool tls) {
  http::Response response = http::TextResponse(401, "text/plain; charset=utf-8", "Not Authorized\n");
  std::string challenge = tls ? "Basic realm=\"https://" : "Basic realm=\"http://";
  challenge.append(host).append("/\",service=\"ecr.amazonaws.com\"");
  response.Add("Www-Authenticate", challenge);
  return response;
}

}  // namespace entrepot::oci
